"""Counts tokens with OpenAI's o200k vocabulary, without a network."""

from typing import Any

# `rs_bpe.openai` is broken in 0.1.0; this is the same module at its real address.
from rs_bpe.bpe import openai


class Tokens:
    """The o200k vocabulary; loaded when it is first needed (40 ms)."""

    def __init__(self) -> None:
        self._vocabulary: Any = None

    def count(self, text: str) -> int:
        """How many tokens the text is."""
        if not text:
            return 0
        counted: int = self._loaded().count(text)
        return counted

    def first(self, text: str, limit: int) -> str:
        """The text's first tokens, at most `limit`; a character that the border splits is left out."""
        vocabulary = self._loaded()
        tokens = vocabulary.encode(text)[: max(limit, 0)]
        for end in range(len(tokens), 0, -1):
            start = vocabulary.decode(tokens[:end])
            if start and text.startswith(start):
                return str(start)
        return ""

    def _loaded(self) -> Any:
        if self._vocabulary is None:
            self._vocabulary = openai.o200k_base()
        return self._vocabulary
