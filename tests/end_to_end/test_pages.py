"""Look at pages that need no kernel with axe-core: a class's report, and a chapter that nbconvert made a page of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.accessibility import faults
from tests.conftest import ROOT
from tests.grading.test_report import write_class

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_of_a_class(browser: Any, tmp_path: Path, scheme: str) -> None:
    write_class(tmp_path)
    page = browser.new_page(viewport={"width": 800, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in ("index.html", "learners/kim/index.html", "learners/lee/index.html"):
        page.goto((tmp_path / path).as_uri())
        page.screenshot(path=tmp_path / f"{scheme}-{Path(path).parent.name}.png", full_page=True)
        assert faults(page, "html") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
    page.close()


def test_a_chapter_as_a_page(browser: Any, tmp_path: Path) -> None:
    book = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
    text, _ = HTMLExporter(embed_images=True).from_notebook_node(book)
    (tmp_path / "page.html").write_text(text)
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("img").count() >= 3
    assert faults(page, ".jp-OutputArea-output, details") == []  # the rest is nbconvert's
    page.close()


def test_a_fault_is_found(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(
        "<main><p class='course-said' style='color: #bbb; background: #fff'>faint words</p><button></button></main>"
    )
    found = faults(page, "main")
    assert {each.partition(":")[0] for each in found} >= {"color-contrast", "button-name"}
    page.close()
