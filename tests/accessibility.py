"""Look for faults of accessibility in what the course shows: `faults`, by axe-core in the browser."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

# What the course puts into a page of JupyterLab's.
OURS = ".course-frame, .course-widget, .course-verdict, .course-progress"


def faults(page: Any, what: str = OURS) -> list[str]:
    """Return what axe-core finds in the visible elements that a selector fits, as it is, and in forced colours.

    A fault is a line: the rule of axe-core, and the element. Fails if the selector fits nothing.
    """
    assert page.locator(what).count()
    places = [[each] for each in what.split(", ") if page.locator(each).count()]
    found = []
    for colours in ("none", "active"):
        page.emulate_media(forced_colors=colours)
        answer = Axe().run(page, context={"include": places})
        found += [
            f"{fault['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for fault in answer.response["violations"]
            for node in fault["nodes"]
        ]
    page.emulate_media(forced_colors="none")
    return found
