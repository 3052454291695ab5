"""Render a page's text as a browser would, with its spaces, line ends, elements and character references: `Browser`.

The lab has no browser, and only rendering decides whether text is aligned. A test compares it with Chromium. Pure.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "figcaption"}
    | {"figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "listing", "main"}
    | {"nav", "ol", "p", "plaintext", "pre", "section", "summary", "table", "tr", "ul", "xmp"}
)
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
HIDDEN = frozenset({"title", "style", "script", "template", "noscript"})
KEEPING = frozenset({"pre", "listing", "plaintext", "xmp", "textarea"})  # elements that keep spaces
EVEN = KEEPING | {"code", "kbd", "samp", "tt"}  # elements in a monospaced font
SPACES = re.compile(r"white-space(?:-collapse)?\s*:\s*([\w-]+)")
FONT = re.compile(r"font(?:-family)?\s*:([^;}]*)")
EVEN_FONT = re.compile(r"monospace|courier|consolas|menlo|monaco", re.IGNORECASE)


class Browser(HTMLParser):
    """Render a page's text as a browser with a very wide window shows it.

    `lines` are the lines of text, `uneven` the indices (from 0) of those with a proportional font. Of CSS it knows
    `white-space` and `font`, in rules for an element's name, class or id, or in a style attribute. It judges a font by
    its name and assumes that it is installed.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.uneven: set[int] = set()
        styles = "".join(re.findall(r"<style[^>]*>(.*?)</style", page, re.DOTALL | re.IGNORECASE))
        rules = re.findall(r"([^{}]+)\{([^}]*)\}", re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL))
        self._rules = [(name.strip(), body) for names, body in rules for name in names.split(",")]
        # The open elements: name, keeps spaces, is monospaced, is hidden. The first is the body, which every page has.
        self._within = [("", *self._styled({"html", "body", "*"}, "", keeps=False, even=False), False)]
        self.feed(page)
        self.close()
        self.lines = [line.replace("\xa0", " ").expandtabs().rstrip() for line in self.lines]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element: it inherits from the one around it, unless its kind or a style decides otherwise."""
        if tag in BLOCKS:
            self._end_line()
        if tag == "br":
            self.lines.append("")
        if tag in VOID:
            return
        _, keeps, even, hidden = self._within[-1]
        keeps, even = keeps or tag in KEEPING, even or tag in EVEN
        own = {name: value or "" for name, value in attrs}
        marks = [f"#{own.get('id')}", *(f".{name}" for name in own.get("class", "").split())]
        called = {tag, "*", *marks, *(f"{tag}{mark}" for mark in marks)}
        keeps, even = self._styled(called, own.get("style", ""), keeps=keeps, even=even)
        self._within.append((tag, keeps, even, hidden or tag in HIDDEN))

    def _styled(self, called: set[str], own: str, *, keeps: bool, even: bool) -> tuple[bool, bool]:
        """Return `keeps` and `even` after the CSS rules for the selectors `called` and the element's own style."""
        for style in (*(body for name, body in self._rules if name in called), own):
            for word in SPACES.findall(style):
                keeps = word in {"pre", "pre-wrap", "preserve", "break-spaces"}
            for font in FONT.findall(style):
                even = bool(EVEN_FONT.search(font))
        return keeps, even

    def handle_endtag(self, tag: str) -> None:
        """End an element and the elements in it that have no end tag."""
        if tag in BLOCKS:
            self._end_line()
        for number in range(len(self._within) - 1, 0, -1):
            if self._within[number][0] == tag:
                del self._within[number:]
                return

    def handle_data(self, data: str) -> None:
        """Add text, with runs of spaces and line ends collapsed to one space unless the element keeps them."""
        _, keeps, even, hidden = self._within[-1]
        if hidden:
            return
        if not keeps:
            data = re.sub(r"[ \t\n\r\f]+", " ", data)
            if self.lines[-1][-1:] in {"", " "}:
                data = data.removeprefix(" ")
        for number, line in enumerate(data.split("\n")):
            if number:
                self.lines.append("")
            self.lines[-1] += line
            if line.strip() and not even:
                self.uneven.add(len(self.lines) - 1)

    def _end_line(self) -> None:
        if self.lines[-1]:
            self.lines.append("")
