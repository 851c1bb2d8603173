"""Takes the text out of HTML as it comes, in time that grows with its length alone, whatever a stranger wrote.

The standard library's parser takes minutes for some pages of a megabyte, and one in C that a page can break would take
the worker with it. Text needs no tree: tags go, what nobody reads goes with them, blocks become lines.
"""

import html
import re

import msgspec

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)
_CELLS = frozenset(("td", "th"))
_UNREAD = frozenset(
    ["script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "select", "textarea"]
)
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]*)")
_IN_TAG = re.compile(r"""[>"']""")
_SMALL = {ord("A") + number: ord("a") + number for number in range(26)}
"""Letters alone, and each for one: what is found in small letters stands at the same place in the page."""


class PageText(msgspec.Struct, frozen=True):
    """What a page says."""

    title: str
    text: str


def page_text(page: str) -> PageText:
    """Gives title and text of a page."""
    return _Reader(page).read()


class _Reader:
    """Reads one page; what was looked for and is not there behind some place is not looked for again."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._small = page.translate(_SMALL)
        self._absent: set[str] = set()
        self._parts: list[str] = []
        self._title = ""

    def read(self) -> PageText:
        """Goes through the page once."""
        at, end = 0, len(self._page)
        while at < end:
            tag = self._page.find("<", at)
            if tag < 0:
                tag = end
            self._parts.append(_unescaped(self._page[at:tag]))
            at = self._behind(tag) if tag < end else end
        return PageText(_line(self._title), _lines("".join(self._parts)))

    def _behind(self, tag: int) -> int:
        """Gives where the text goes on behind what begins with `<` here."""
        page = self._page
        if page.startswith("<!--", tag):
            end = self._find("-->", tag + 4)
            return len(page) if end < 0 else end + 3
        if page.startswith(("<!", "<?"), tag):
            end = self._find(">", tag)
            return len(page) if end < 0 else end + 1
        named = _NAME.match(page, tag + 1)
        if named is None:
            self._parts.append("<")
            return tag + 1
        name, opens = named[1].translate(_SMALL), page[tag + 1] != "/"
        at = self._end_of_tag(named.end())
        if name in _BLOCKS:
            self._parts.append("\n")
        elif name in _CELLS:
            self._parts.append(" ")
        if opens and (name in _UNREAD or name == "title"):
            return self._behind_element(name, at)
        return at

    def _behind_element(self, name: str, at: int) -> int:
        """Passes over what stands in an element; the first title is kept apart. One without an end is text."""
        end = self._find(f"</{name}", at)
        if end < 0:
            return at
        if name == "title" and not self._title:
            self._title = _unescaped(self._page[at:end])
        return self._end_of_tag(end + 2 + len(name))

    def _end_of_tag(self, at: int) -> int:
        """Gives the place behind the `>` of a tag; one in a quoted value is none."""
        while (found := _IN_TAG.search(self._page, at)) is not None:
            at = found.end()
            if found[0] == ">":
                return at
            if self._page[found.start() - 1] == "=":
                end = self._find(found[0], at)
                at = at if end < 0 else end + 1
        return len(self._page)

    def _find(self, what: str, at: int) -> int:
        if what in self._absent:
            return -1
        found = self._small.find(what, at)
        if found < 0:
            self._absent.add(what)
        return found


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # A number of thousands of digits is no character.
        return text


def _line(text: str) -> str:
    return " ".join(text.split())


def _lines(text: str) -> str:
    """Gives the text with single spaces, and at most one empty line between lines."""
    lines: list[str] = []
    for line in map(_line, text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()
