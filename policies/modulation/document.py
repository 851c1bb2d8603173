"""The document `modulation.yaml`: its keys, their types, and what they may hold."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Verbosity: TypeAlias = Literal["low", "medium", "high"]
Preamble: TypeAlias = Annotated[str, msgspec.Meta(max_length=4000)]
StopSequences: TypeAlias = Annotated[
    tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=100)], ...], msgspec.Meta(max_length=4)
]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts have in common: frozen, and no key that nobody knows."""


class SignalRule(_Part, frozen=True):
    """How much a signal counts, from which level on it acts, how long it stays, and how long its fall waits."""

    weight: Share
    cooldown_ms: Milliseconds
    ttl_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] = 5000
    activation: Share = 0.2


class SignalRules(_Part, frozen=True):
    """A rule for each signal."""

    alignment_risk: SignalRule
    stress: SignalRule
    ambiguity: SignalRule
    urgency: SignalRule
    novelty: SignalRule
    trust: SignalRule


class NumberBounds(_Part, frozen=True):
    """Where a number may be, and where it stands when nothing moves it."""

    low: float
    high: float
    default: float


class ModeBounds(_Part, frozen=True):
    """The mode that holds when nothing chooses another."""

    default: Literal["strict", "balanced", "creative"]


class ToolBounds(_Part, frozen=True):
    """The tools that maps may name, and those of an ordinary exchange."""

    names: tuple[str, ...]
    default: tuple[str, ...]


class Bounds(_Part, frozen=True):
    """Bounds and default of each parameter."""

    temperature: NumberBounds
    top_p: NumberBounds
    max_output_tokens: NumberBounds
    reasoning_effort: NumberBounds
    retrieval_k: NumberBounds
    planner_beam: NumberBounds
    memory_write: NumberBounds
    safety_mode: ModeBounds
    tool_allowlist: ToolBounds


class Style(_Part, frozen=True):
    """What a safety mode says to the model, how strictly texts are moderated, and where the model is to stop."""

    preamble: Preamble
    moderation: Literal["standard", "high"] = "standard"
    stop: StopSequences = ()


class Styles(_Part, frozen=True):
    """A style for each safety mode."""

    strict: Style
    balanced: Style
    creative: Style


class Caps(_Part, frozen=True):
    """What a parameter is at most; one that is not named is not capped."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    planner_beam: int | None = None
    memory_write: float | None = None


class Stabilize(_Part, frozen=True):
    """After `exchanges` with stress above `above`, the caps hold until stress is below `below`."""

    above: Share
    below: Share
    exchanges: Count
    caps: Caps


class Budget(_Part, frozen=True):
    """How many emissions a source may make for one caller in a window of time."""

    emissions: Count
    window_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]


class ModelRule(_Part, frozen=True):
    """What the models of some name patterns take.

    `limit` is the field for the most tokens in chat requests; of `reasoning` models that limit covers their thoughts
    too. `efforts` and `verbosities` are the words that they know, none where they take no such parameter. `preamble`
    is the role of a message that instructs them, `none` where they take no instructions.
    """

    models: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    temperature: bool = False
    top_p: bool = False
    stop: bool = False
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    reasoning: bool = False
    efforts: tuple[Effort, ...] = ()
    verbosities: tuple[Verbosity, ...] = ()
    preamble: Literal["developer", "system", "none"] = "developer"


class ModulationFile(_Part, frozen=True):
    """The document. `maps` says for a signal and a parameter what value a level leads to: text or a number."""

    signals: SignalRules
    bounds: Bounds
    maps: dict[str, dict[str, Any]]
    styles: Styles
    stabilize: Stabilize
    budget: Budget
    models: tuple[ModelRule, ...] = ()
