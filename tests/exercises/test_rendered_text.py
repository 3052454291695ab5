"""Compare rendered_text with a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib.exercises.rendered_text import Browser

ART = " /\\  /\\\n( o  o )\n"
PAGES = {
    "plain": ART,
    "pre": f"<!DOCTYPE html><title>a  title</title><pre>{ART}</pre>",
    "pre with a line end": f"<pre>\n{ART}</pre>after it",
    "pre in a sans-serif": f'<pre style="font-family: sans-serif">{ART}</pre>',
    "kept by CSS at the element": f'<p style="white-space:pre; font: 16px/1 monospace">{ART}</p>',
    "kept by CSS in the head": f"<head><style>/* x */ div, .a {{ white-space: pre-wrap }}</style><div>{ART}</div>",
    "by class": f"<style>.b {{white-space: break-spaces; font: 9px X, monospace}}</style><p class='a b'>{ART}</p>",
    "by id": f"<style>#art {{white-space: pre}}</style><p id=art>{ART}</p><p>a  b</p>",
    "of all": f"<style>* {{white-space: pre; font-family: monospace}}</style>-\n{ART}",
    "inherited, and undone": f"<body style='white-space:pre'><b>{ART}</b><p style='white-space:normal'>{ART}</p>",
    "nowrap": f"<p style='white-space: nowrap'>{ART}</p>",
    "br": f"<code>{ART.replace(chr(10), '<br>')}</code>",
    "br and spaces by name": f"<tt>{ART.replace(' ', '&nbsp;').replace(chr(10), '<br/>')}</tt>",
    "letters by name": "<pre>salt &lt;and&gt; pepper &amp;copy 1987 &#60;a&#x3e;</pre>",
    "not escaped": "<pre>salt <and> pepper &copy 1987 &reg 1 &para 2 &sect 3 &deg 4 &times 5</pre>",
    "escaped twice": "<pre>&amp;lt;and&amp;gt;</pre>",
    "no elements": "<pre>a < b <| c <- d</pre>",
    "a comment": "<pre>a<!-- boxes -d html -->b</pre>",
    "never ended": "<pre>salt <and> pepper\n  next",
    "hidden": "<script>if (1 < 2) {}</script><style>p {color: red}</style>  text <b>bold </b> text",
    "blocks": "<h1>one</h1><div>two<div>three</div>four</div>five<hr>six<ul><li>seven<li>eight</ul>",
    "nested": "<div><pre>a  b</pre><p>a  b <code>c  d</code></p></div>",
}
# Each visible text, and whether its font is monospaced.
LOOK = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), uneven = [];
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  for (let node; node = walker.nextNode();) {
    if (!node.data.trim() || ["SCRIPT", "STYLE"].includes(node.parentElement.tagName)) continue;
    pen.font = getComputedStyle(node.parentElement).font;
    if (pen.measureText("i").width != pen.measureText("m").width) uneven.push(node.data);
  }
  return [document.body.innerText, uneven];
}"""


def lines(text: str) -> list[str]:
    """Return the lines that are not empty: the space between blocks does not matter."""
    return [line.rstrip() for line in text.replace("\xa0", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.slow
def test_it_shows_what_a_real_browser_shows(browser: Any, page: str) -> None:
    real = browser.new_page()
    try:
        real.set_content(page)
        text, uneven = real.evaluate(LOOK)
    finally:
        real.close()
    mine = Browser(page)
    assert lines("\n".join(mine.lines)) == lines(text)
    assert bool(mine.uneven) == bool(uneven), uneven


def test_only_the_lines_in_letters_of_different_widths_are_uneven() -> None:
    mine = Browser("<p>m i</p><pre>a\nb</pre><p>i m</p>")
    assert [mine.lines[n] for n in sorted(mine.uneven)] == ["m i", "i m"]


@pytest.mark.parametrize(
    "junk", ["", "<", "</", "<!", "<![CDATA[", "&", "&#", "&#99999999;", "<p", "<p a='", "<style>{", "\0"]
)
def test_it_stands_whatever_it_reads(junk: str) -> None:
    assert isinstance(Browser(junk).lines, list)
    assert isinstance(Browser(f"{junk}<pre>a</pre>{junk}").lines, list)
