"""The style of predictions; importing it does not load ipywidgets."""

from __future__ import annotations

from pathlib import Path

WIDE = {"width": "100%", "margin": "2px 0"}  # ipywidgets' own margin adds two pixels on each side: too wide
NARROW = {"width": "auto"}
CHOICE = "course-choice"  # the CSS class of a button that is a choice
OURS = "course-widget"  # the CSS class of our outermost widgets
# Without its kernel ipywidgets marks each part of a widget with a red broken link. Replace these marks by one sentence
# for the whole widget.
SAVED = f"<style>\n{Path(__file__).with_name('widget.css').read_text(encoding='utf-8')}</style>"
