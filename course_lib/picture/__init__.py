"""Draw a network: lay it out as shapes in a plane, and render them as PNG or SVG.

`layout.page.layout` turns a Snapshot into a `shapes.Picture`; `render_svg` and `render_png` render the same shapes.
`text_metrics` and `palette` give the widths of texts and the colours. `timeline` keeps the states of the live picture
and says what can be chosen in one, `highlight` marks what changed, `view_filters` hides parts.
Everything is pure except `render_png`, the only module that imports matplotlib.
"""
