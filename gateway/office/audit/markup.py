"""Builds HTML and SVG in which every text and every value is escaped, whoever wrote it."""

import re
from html import escape

# Direction marks and control characters would show something else than what stands there.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset(("meta", "br", "hr", "input"))


class Markup(str):
    """A text that is markup already; any other text is not."""

    __slots__ = ()


NOTHING = Markup("")


def element(name: str, /, *children: str | None, **attributes: str | float | None) -> Markup:
    """Gives an element. `class_` stands for `class`, `_` for `-`; an attribute of None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(shown(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Markup:
    """Gives children one after the other: markup as it is, texts escaped."""
    return Markup("".join(each if isinstance(each, Markup) else escape(shown(each)) for each in children if each))


def shown(text: str) -> str:
    """Gives a text with a sign for each character that cannot be seen."""
    return _UNSHOWABLE.sub("\ufffd", text)


def clipped(text: str, length: int) -> str:
    """Gives at most so many characters of a text."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
