"""The parameters that a policy steers: of what kind each is, and which way is tighter.

The directions are not a matter of policy: what "never looser" means must not depend on a file. Nor can a file widen
the limits here: where a request names no temperature or top_p, the model takes 1, so that no value above 1 may ever
be written in its place.
"""

from typing import Any

import msgspec

from policies.expressions import Kind

STRICT = "strict"
SAFETY_MODES: tuple[str, ...] = (STRICT, "balanced", "creative")
"""From the tightest to the loosest."""
DECIMALS = 9
"""What is behind is an artefact of binary fractions, and would stand in requests and records."""


class Parameter(msgspec.Struct, frozen=True):
    """One parameter; a number has limits, and `whole` ones have no fraction. `tightens` says that lower is tighter.

    Of words those are tighter that stand earlier in `words`, of lists those that hold less.
    """

    name: str
    kind: Kind = Kind.NUMBER
    tightens: bool = True
    lowest: float = 0.0
    highest: float = 1.0
    whole: bool = False
    words: tuple[str, ...] = ()


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("temperature"),
    Parameter("top_p"),
    Parameter("max_output_tokens", lowest=1, highest=1_000_000, whole=True),
    Parameter("reasoning_effort", tightens=False),
    Parameter("retrieval_k", tightens=False, lowest=1, highest=20, whole=True),
    Parameter("planner_beam", lowest=1, highest=128, whole=True),
    Parameter("memory_write"),
    Parameter("safety_mode", Kind.WORD, words=SAFETY_MODES),
    Parameter("tool_allowlist", Kind.NAMES),
)
PARAMETER_NAMES: tuple[str, ...] = tuple(parameter.name for parameter in PARAMETERS)


def tighter_of(parameter: Parameter, one: Any, other: Any) -> Any:
    """Gives the tighter of two values; of two lists what is in both."""
    if parameter.kind is Kind.NAMES:
        return one & other
    if parameter.kind is Kind.WORD:
        return min(one, other, key=parameter.words.index)
    return other if other < one else one


def is_looser(mode: str, than: str) -> bool:
    """Whether a safety mode is looser than another."""
    return SAFETY_MODES.index(mode) > SAFETY_MODES.index(than)


def shown(value: Any) -> Any:
    """Gives a value as it stands in records: a list sorted, a whole number without a fraction."""
    if isinstance(value, frozenset):
        return tuple(sorted(value))
    return value
