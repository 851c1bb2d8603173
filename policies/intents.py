"""What people mean by a sign of theirs: the five intents, and what each of them says as a signal and as a rating."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

Intent: TypeAlias = Literal["affirm", "reject", "more_detail", "soften", "ground"]
Rated: TypeAlias = Literal["affirm", "reject"]
INTENTS: tuple[str, ...] = get_args(Intent)
LEVELS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "reject": ("stress", 0.5),
        "soften": ("stress", 0.35),
        "more_detail": ("ambiguity", 0.4),
        "ground": ("ambiguity", 0.4),
    }
)
"""The signal that an intent raises, and how far; whoever affirms raises none."""
RATINGS: Mapping[str, int] = MappingProxyType({"affirm": 5, "reject": 1})
"""How an intent rates the answer that it is about; the others rate none."""
