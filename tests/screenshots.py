"""Take the pictures of chapter 06's page in a real browser again: `python -m tests.screenshots`.

The cells of the chapter itself make the page, in the lab; what is measured in the browser is returned.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from course_lib.lab.lifecycle import from_environment
from course_lib.notebook import current

lab = from_environment()

ROOT = Path(__file__).parent.parent
CHAPTER = ROOT / "notebooks/06_genid.ipynb"
PICTURES = ROOT / "notebooks/pictures"
SIZE = {"width": 640, "height": 290}
# What makes the page: the cells that hold these texts, in this order, as the source has it and mended.
PLAIN = ("cat >genid.sh", "cat >Dockerfile", "docker build", "nginx alone")
MENDED = ("<pre>'", "docker tag genid genid:source")
# The longest text of the page: in how many lines it stands, where its boxed lines end, and in which kind of letters.
MEASURE = r"""() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let node = null;
  while (walker.nextNode()) if (!node || walker.currentNode.data.length > node.data.length) node = walker.currentNode;
  const at = index => {
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + 1);
    return range.getBoundingClientRect();
  };
  const letters = [...node.data].map((letter, index) => ({letter, box: at(index)})).filter(({letter}) => letter.trim());
  return {
    lines: new Set(letters.map(({box}) => Math.round(box.bottom))).size,
    bars: [...node.data.matchAll(/^\|.*\|$/gm)].map(m => Math.round(at(m.index + m[0].length - 1).left)),
    font: getComputedStyle(node.parentElement).fontFamily,
  };
}"""


def cells() -> list[str]:
    """Return the host cells of the chapter, without their first line."""
    found = json.loads(CHAPTER.read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]
    return [text.partition("\n")[2] for text in texts if text.startswith("%%host")]


def play(texts: tuple[str, ...]) -> None:
    """Run the first cell that holds each text."""
    for text in texts:
        current.host(next(cell for cell in cells() if text in cell))


def take(browser: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """Make both pages, write a picture of each into a folder, and return what was measured in the browser."""
    page = browser.new_page(viewport=SIZE)
    measured = {}
    for name, texts in (("plain", PLAIN), ("pre", MENDED)):
        play(texts)
        page.goto(lab.url(8080))
        page.wait_for_function("document.body && document.body.innerText.includes('jgs')")
        measured[name] = page.evaluate(MEASURE)
        page.screenshot(path=folder / f"06_{name}.png")
    page.close()
    return measured


if __name__ == "__main__":
    import shutil

    from playwright.sync_api import sync_playwright

    lab.reset()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(take(chromium, PICTURES))
    lab.reset()
