"""Says whether a request is modulated, only watched, or left alone: by its caller's key, its model, the settings."""

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["off", "shadow", "enforce"]
MOST_REMEMBERED = 1024


class Modes:
    """The mode of a key goes before that of the model, and that before `otherwise`; of patterns the first that fits."""

    def __init__(self, models: Mapping[str, Mode], otherwise: Mode) -> None:
        self._models = tuple((re.compile(translate(pattern)), mode) for pattern, mode in models.items())
        self._otherwise = otherwise
        self._found: dict[str, Mode] = {}

    def of(self, of_key: Mode | None, model: str | None) -> Mode:
        """Gives the mode of a request."""
        if of_key is not None:
            return of_key
        if not self._models or model is None:
            return self._otherwise
        known = self._found.get(model)
        if known is not None:
            return known
        # Names come from strangers, so not all are remembered.
        if len(self._found) >= MOST_REMEMBERED:
            self._found.clear()
        fits = (mode for pattern, mode in self._models if pattern.match(model))
        found = self._found[model] = next(fits, self._otherwise)
        return found
