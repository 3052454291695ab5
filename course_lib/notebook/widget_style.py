"""Style that the panel, predictions and animations share: plain values, so that nobody imports ipywidgets for them."""

from __future__ import annotations

WIDE = {"width": "100%", "margin": "2px 0"}  # ipywidgets' own margin adds two pixels on each side: too wide
NARROW = {"width": "auto"}
OURS = "course-widget"  # the CSS class of our outermost widgets
# Without its kernel ipywidgets marks each part of a widget with a red broken link. Replace these marks by one sentence
# for the whole widget; an animation needs no kernel and gets none.
SAVED = f"""<style>
.{OURS} .jupyter-widgets-disconnected::before, .{OURS}.jupyter-widgets-disconnected::before {{ content: none }}
.{OURS}.widget-vbox.jupyter-widgets-disconnected::before {{
  content: "Saved, as it was. Run the cell again to use it."; font: inherit; font-style: italic; color: inherit }}
</style>"""
