"""Finds what a model takes in the table of the policy, and the words that it knows."""

import re
from fnmatch import translate

from policies.modulation.document import ModelRule

MOST_REMEMBERED = 1024
EFFORTS: tuple[str, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_UP_TO: tuple[tuple[float, str], ...] = ((0.2, "minimal"), (0.4, "low"), (0.75, "medium"))


class Models:
    """Answers which rule holds for a model; names come from strangers, so not all are remembered."""

    def __init__(self, rules: tuple[ModelRule, ...]) -> None:
        self._rules = tuple((re.compile("|".join(map(translate, rule.models))), rule) for rule in rules)
        self._found: dict[str, ModelRule | None] = {}

    def rule(self, model: str | None) -> ModelRule | None:
        """Gives the first rule that fits, None for a model that the table does not know."""
        if model is None:
            return None
        if model in self._found:
            return self._found[model]
        if len(self._found) >= MOST_REMEMBERED:
            self._found.clear()
        found = next((rule for pattern, rule in self._rules if pattern.match(model)), None)
        self._found[model] = found
        return found


def effort_word(effort: float, known: tuple[str, ...]) -> str | None:
    """Gives the word for an effort between 0 and 1: of those that a model knows the nearest, None where it has none."""
    word = next((word for below, word in _UP_TO if effort < below), "high")
    return nearest(word, known)


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """Gives the word itself where it is known, else the nearest one, of two the lower."""
    if not known or word in known:
        return word if known else None
    place = EFFORTS.index(word)
    return min(known, key=lambda each: (abs(EFFORTS.index(each) - place), EFFORTS.index(each)))
