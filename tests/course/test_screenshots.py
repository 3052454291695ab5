"""The page of chapter 06 in a real browser: out of line as the source has it, aligned when mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from course_lib.notebook import chapter, current
from tests.screenshots import PICTURES, SIZE, cells, take
from tests.worker import lab

pytestmark = pytest.mark.live


@pytest.mark.slow
def test_the_page_is_out_of_line_until_it_says_pre(fresh_lab: None, browser: Any, tmp_path: Path) -> None:
    measured = take(browser, tmp_path)
    plain, pre = measured["plain"], measured["pre"]
    assert plain["lines"] <= 5
    assert len(plain["bars"]) == 4, "the box holds four lines"
    assert len(set(plain["bars"])) == 4, "its right edge is nowhere straight"
    assert pre["lines"] == 17
    assert (len(pre["bars"]), len(set(pre["bars"]))) == (4, 1), "the right edge of the box is straight"
    assert pre["font"] == "monospace"
    for name in ("06_plain.png", "06_pre.png"):
        for folder in (tmp_path, PICTURES):
            picture = Image.open(folder / name)
            assert picture.size == (SIZE["width"], SIZE["height"])
            assert len(picture.convert("L").getcolors() or []) > 1, f"{folder / name} is empty"
    # A figure that HTML takes for comments: seen only when it is escaped.
    current.host(next(cell for cell in cells() if "boxes -d html" in cell))
    current.host(
        "cd /root/exercise; cp figure webdata/raw.html; escape=\"$(grep -o 's/&/.*gt;/g' genid.sh)\"\n"
        '(echo "<pre>"; sed "$escape" figure) >webdata/escaped.html'
    )
    page = browser.new_page()
    seen = {}
    for name in ("raw", "escaped"):
        page.goto(f"{lab.url(8080)}{name}.html")
        seen[name] = page.evaluate("document.body ? document.body.innerText.trim() : ''")
    page.close()
    chapter.clean_up()
    assert seen["raw"] == ""
    assert "<!-- Waldo Mays            -->" in seen["escaped"]
    assert len(seen["escaped"].splitlines()) == 6
