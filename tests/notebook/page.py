"""Show a Frame on a page of its own, without JupyterLab and without a kernel: `page_of`."""

from __future__ import annotations

import json
from typing import Any

from course_lib.notebook.frame import Frame
from course_lib.notebook.panel import Panel

MODEL = """
import("data:text/javascript," + encodeURIComponent(ESM)).then(({ default: { render } }) => {
  const listening = {};
  window.asked = [];
  window.model = {
    get: (name) => STATE[name],
    set: (name, value) => { STATE[name] = value; (listening["change:" + name] ?? []).forEach((each) => each()) },
    on: (name, act) => (listening[name] ??= []).push(act),
    off: () => {},
    send: (message) => window.asked.push(message),
  };
  window.ended = render({ model: window.model, el: document.getElementById("here") });
});
"""


def page_of(widget: Frame, theme: str = "") -> str:
    """Return HTML that shows a Frame; `theme` is "light", "dark", or "" for what the browser prefers."""
    state = json.dumps({"shown": widget.shown, "controls": widget.controls}).replace("</", "<\\/")
    esm = json.dumps(widget._esm).replace("</", "<\\/")
    body = f' data-jp-theme-light="{str(theme == "light").lower()}"' if theme else ""
    return (
        f"<!doctype html><html lang=en><title>A picture</title><style>body {{ margin: 0 }}\n{widget._css}</style>"
        f'<body{body}><main><div id="here" class="jupyter-widgets"></div></main>'
        f"<script>{{ const STATE = {state}; const ESM = {esm}; {MODEL} }}</script></body></html>"
    )


def widget_of(panel: Panel) -> Frame:
    """Return what a live panel shows."""
    return panel._widget


def shown(page: Any, widget: Frame, theme: str = "") -> Any:
    """Load a Frame into a page of a browser; return the page when it is drawn."""
    page.set_content(page_of(widget, theme))
    page.locator(".course-picture svg").wait_for(timeout=10_000)
    return page
