"""A page as a browser shows it: what becomes of spaces, line ends, elements and the names of letters. Pure.

The lab has no browser, and whether a text stands aligned is decided there. A test holds this against a real one.
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
KEEPING = frozenset({"pre", "listing", "plaintext", "xmp", "textarea"})  # elements whose spaces stay
EVEN = KEEPING | {"code", "kbd", "samp", "tt"}  # and those whose letters are equally wide
SPACES = re.compile(r"white-space(?:-collapse)?\s*:\s*([\w-]+)")
FONT = re.compile(r"font(?:-family)?\s*:([^;}]*)")
EVEN_FONT = re.compile(r"monospace|courier|consolas|menlo|monaco", re.IGNORECASE)


class Browser(HTMLParser):
    """Reads a page as a browser with a very wide window shows it.

    `lines` are the lines of text, `uneven` the numbers of those that have letters of different widths. Of CSS it knows
    what that takes, `white-space` and `font`, in a style for elements of a name, of a class or of an id, or at one. Of
    a font it knows the name only: it believes that it is installed.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.uneven: set[int] = set()
        styles = "".join(re.findall(r"<style[^>]*>(.*?)</style", page, re.DOTALL | re.IGNORECASE))
        self._rules = [
            (name.strip(), body)
            for names, body in re.findall(r"([^{}]+)\{([^}]*)\}", re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL))
            for name in names.split(",")
        ]
        # The elements that one is in: name, whether it keeps spaces, is even, is hidden. Each page has the first, body.
        self._within = [("", *self._styled({"html", "body", "*"}, "", keeps=False, even=False), False)]
        self.feed(page)
        self.close()
        self.lines = [line.replace("\xa0", " ").expandtabs().rstrip() for line in self.lines]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element: it has what the one around it has, unless it or a style says otherwise."""
        if tag in BLOCKS:
            self._end_line()
        if tag == "br":
            self.lines.append("")
        if tag in VOID:
            return
        _, keeps, even, hidden = self._within[-1]
        keeps, even = keeps or tag in KEEPING, even or tag in EVEN
        own = {name: value or "" for name, value in attrs}
        called = {tag, "*", f"#{own.get('id')}", *(f".{name}" for name in own.get("class", "").split())}
        keeps, even = self._styled(called, own.get("style", ""), keeps=keeps, even=even)
        self._within.append((tag, keeps, even, hidden or tag in HIDDEN))

    def _styled(self, called: set[str], own: str, *, keeps: bool, even: bool) -> tuple[bool, bool]:
        """Return what styles make of an element: those for one that is called so, and its own."""
        for style in (*(body for name, body in self._rules if name in called), own):
            for word in SPACES.findall(style):
                keeps = word in {"pre", "pre-wrap", "preserve", "break-spaces"}
            for font in FONT.findall(style):
                even = bool(EVEN_FONT.search(font))
        return keeps, even

    def handle_endtag(self, tag: str) -> None:
        """End an element, and those in it that nobody ended."""
        if tag in BLOCKS:
            self._end_line()
        for number in range(len(self._within) - 1, 0, -1):
            if self._within[number][0] == tag:
                del self._within[number:]
                return

    def handle_data(self, data: str) -> None:
        """Show text: as it is, or with one space where there were several or a line end."""
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
