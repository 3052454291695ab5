"""A network as a picture: shapes on a plane, painted as PNG or SVG.

`layout.page.layout` places a Snapshot's parts as `shapes`; `render_svg` and `render_png` paint the same shapes.
`timeline` holds the states of the live picture, `highlight` marks what changed, `view_filters` leaves parts out.
All of it is pure but `render_png`, the only module that imports matplotlib.
"""
