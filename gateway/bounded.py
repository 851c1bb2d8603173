"""Cuts JSON values to a size, so that what is done with every text of a stranger's body has an end."""

from typing import Any

DEEPEST = 64
LONGEST_WORD = 4096
"""A text that goes on for so long without a space is no text: an image, a sound, a vector in base64."""
_LEAST = 8
_WORD = "".join(map(chr, range(33, 127)))
# What numbers are written with, of telephones and cards: half of one is still too much of it.
_NUMBER = "0123456789 +-.()/"


class Room:
    """How many bytes may still be taken; `cut` says that something had to be left out."""

    __slots__ = ("cut", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.cut = False

    def value(self, value: Any, depth: int = 0) -> Any:
        """Gives as much of a JSON value as there is room for."""
        self.left -= _LEAST
        if isinstance(value, str):
            return self.text(value)
        if not isinstance(value, dict | list):
            return value
        if depth >= DEEPEST:
            self.cut = True
            return "[nested too deeply]"
        return self._object(value, depth) if isinstance(value, dict) else self._array(value, depth)

    def text(self, text: str) -> str:
        """Gives as much of a text as there is room for; it ends with a whole word."""
        if _is_no_text(text):
            self.cut = True
            return f"[{len(text)} characters without a space]"
        raw = text if text.isascii() else text.encode("utf-8", "replace")
        room, self.left = max(self.left, 0), self.left - len(raw)
        if len(raw) <= room:
            return text
        self.cut = True
        kept = raw[:room] if isinstance(raw, str) else raw[:room].decode("utf-8", "ignore")
        kept = kept.rstrip(_WORD).rstrip(_NUMBER)
        return f"{kept} [{len(text) - len(kept)} more characters]".lstrip()

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, member in value.items():
            if self.left <= 0:
                self.cut = True
                break
            self.left -= len(name)
            kept[name] = self.value(member, depth + 1)
        return kept

    def _array(self, value: list[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        for each in value:
            if self.left <= 0:
                self.cut = True
                kept.append(f"[{len(value) - len(kept)} more]")
                break
            kept.append(self.value(each, depth + 1))
        return kept


def _is_no_text(text: str) -> bool:
    start = text[: LONGEST_WORD + 1]
    return len(start) > LONGEST_WORD and start.isascii() and not any(space in start for space in " \n\t\r")
