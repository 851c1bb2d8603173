"""Finds API keys in a text, and what may yet become one where the text goes on."""

import re
from collections.abc import Sequence

HIDDEN = "[key removed]"
_WORD = "A-Za-z0-9_-"


class Keys:
    """Knows keys by how they begin; a key has at least `least` letters, digits, `-` or `_` after that."""

    def __init__(self, prefixes: Sequence[str], least: int) -> None:
        begins = "|".join(map(re.escape, sorted(prefixes, key=len, reverse=True)))
        self._prefixes = tuple(prefixes)
        self._key = re.compile(rf"(?<![{_WORD}])(?:{begins})[{_WORD}]{{{least},}}")
        self._last_word = re.compile(rf"(?<![{_WORD}])[{_WORD}]+\Z")

    def stand_in(self, text: str) -> bool:
        """Whether a key stands in the text."""
        # Looking for the prefixes first is what keeps a prompt of a megabyte cheap.
        return any(prefix in text for prefix in self._prefixes) and self._key.search(text) is not None

    def hidden(self, text: str, before: str = "") -> str:
        """Gives the text with each key replaced; `before` is what stands directly ahead of it."""
        whole = before + text
        if not self.stand_in(whole):
            return text
        out, at = "", len(before)
        for key in self._key.finditer(whole):
            if key.end() > at:
                out += whole[at : max(at, key.start())] + HIDDEN
                at = key.end()
        return out + whole[at:]

    def may_go_on(self, text: str, before: str = "") -> bool:
        """Whether the text ends in a key, or in what may become one with the next letter."""
        word = self._last_word.search(before + text)
        return word is not None and any(
            word[0].startswith(prefix) or prefix.startswith(word[0]) for prefix in self._prefixes
        )
