"""Turns what was decided into what a request carries: only what was decided, and of what the client set only tighter.

Values that the client did not set are written where the model takes them. A value that the client set is lowered or
left; one that has no tighter direction is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import msgspec

from policies.modulation.decision import FEEDBACK, Cap, Combined, Settled, StyleDelta, combined
from policies.modulation.document import ModelRule, Style
from policies.modulation.models import effort_word, nearest
from policies.modulation.policy import Policy

Written: TypeAlias = Literal[
    "temperature",
    "top_p",
    "max_output_tokens",
    "reasoning_effort",
    "verbosity",
    "n",
    "best_of",
    "stop",
    "preamble",
]
EVERYTHING: frozenset[str] = frozenset(get_args(Written))
LEAST_FOR_THOUGHT = 4096
"""A reasoning model spends its limit on thoughts first; with less it may answer nothing, and that is paid for."""
MOST_STOPS = 4
_CANDIDATES: tuple[Written, ...] = ("n", "best_of")
VERBOSE = 0.1
"""From here on a leaning of the ratings is said to the model: half of its bound."""
SHORTER = "Keep your answer short."
LONGER = "Answer in more detail."


class Sent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing that a request is to carry instead of what the client sent (`before`, None where it sent nothing).

    `settled` is what led to it.
    """

    what: Written
    value: Any
    before: Any
    settled: Settled


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What a policy makes of a request: the mode, each parameter that is not at rest, and what is to be sent.

    `revision` names the policy, `model` the patterns of the table that fitted, None for a model that it leaves alone.
    """

    revision: str
    safety_mode: str
    settled: tuple[Settled, ...] = ()
    sent: tuple[Sent, ...] = ()
    model: tuple[str, ...] | None = None

    def of(self, parameter: str) -> Settled | None:
        """Gives what was decided for a parameter, None where nobody decided."""
        return next((each for each in self.settled if each.parameter == parameter), None)


class Client(NamedTuple):
    """What the client set, by the names of `Written`, and what its endpoint takes.

    `unseen` says that the request names settings kept elsewhere (a stored prompt): what it does not set itself must
    not be written, since that could loosen what stands there.
    """

    set: Mapping[str, Any] = {}
    takes: frozenset[str] = EVERYTHING
    unseen: bool = False


NOBODY = Client()


def decided(
    policy: Policy,
    signals: Mapping[str, float],
    model: str | None,
    client: Client = NOBODY,
    caps: Sequence[Cap] = (),
    feedback: StyleDelta | None = None,
) -> Decision:
    """Gives what a policy makes of a request to a model: pure, whatever the order of signals and caps."""
    found = combined(policy, signals, caps, feedback)
    if not found.settled and feedback is None:
        return Decision(policy.revision, found.safety_mode)
    rule = policy.models.rule(model)
    if rule is None:
        return Decision(policy.revision, found.safety_mode, found.settled)
    sent = _sent(policy, found, rule, client, feedback)
    return Decision(policy.revision, found.safety_mode, found.settled, tuple(sent), rule.models)


def _sent(policy: Policy, found: Combined, rule: ModelRule, client: Client, feedback: StyleDelta | None) -> list[Sent]:
    sent: list[Sent] = []
    effort = _moved_effort(found, rule)
    for settled in found.settled:
        name = settled.parameter
        if name == "temperature" and rule.temperature:
            sent += _lowered("temperature", settled, settled.value, client)
        elif name == "top_p" and rule.top_p:
            sent += _lowered("top_p", settled, settled.value, client)
        elif name == "max_output_tokens":
            sent += _limited(settled, rule, client, effort)
        elif name == "planner_beam":
            for what in _CANDIDATES:
                if client.set.get(what) is not None:
                    sent += _lowered(what, settled, settled.value, client)
    if effort is not None:
        sent += _worded("reasoning_effort", effort, effort_word(effort.value, rule.efforts), client)
    style = policy.style(found.safety_mode) if found.safety_mode != policy.default_mode else None
    mode = found.of("safety_mode")
    if style is not None and mode is not None and rule.stop:
        sent += _stops(style, mode, client)
    leaning = _leaning(feedback)
    if leaning and rule.verbosities and not any(each.what == "verbosity" for each in sent):
        settled = Settled("verbosity", leaning, None, FEEDBACK, note="feedback asks for it")
        sent += _worded("verbosity", settled, nearest(leaning, rule.verbosities), client)
        leaning = ""
    if rule.preamble != "none" and "preamble" in client.takes:
        sent += _preamble(style, mode, leaning if not rule.verbosities else "")
    return sent


def _moved_effort(found: Combined, rule: ModelRule) -> Settled | None:
    """Gives the effort that was decided where a model has another word for it than for the default."""
    effort = found.of("reasoning_effort")
    if effort is None or effort_word(effort.value, rule.efforts) == effort_word(effort.default, rule.efforts):
        return None
    return effort


def _lowered(what: Written, settled: Settled, value: Any, client: Client) -> list[Sent]:
    """Gives the value where the client set none, the lower of both where it set one.

    What is no number is replaced: some upstreams read numbers in quotes.
    """
    before = client.set.get(what)
    if what not in client.takes or (before is None and client.unseen):
        return []
    if before.__class__ in (int, float) and before <= value:
        return []
    return [Sent(what, value, before, settled)]


def _limited(settled: Settled, rule: ModelRule, client: Client, effort: Settled | None) -> list[Sent]:
    """Limits the answer; one of a model that thinks, whose limit covers its thoughts, is asked to be short instead."""
    if not rule.reasoning:
        return _lowered("max_output_tokens", settled, settled.value, client)
    if client.set.get("max_output_tokens") is not None:
        return _lowered("max_output_tokens", settled, max(LEAST_FOR_THOUGHT, settled.value), client)
    if settled.value >= settled.default:
        return []
    if rule.verbosities:
        return _worded("verbosity", settled, nearest("low", rule.verbosities), client)
    if effort is None:
        return _worded("reasoning_effort", settled, nearest("low", rule.efforts), client)
    return []


def _worded(what: Written, settled: Settled, word: str | None, client: Client) -> list[Sent]:
    """Gives a word where the model knows one and the client set none."""
    if word is None or what not in client.takes or client.unseen or client.set.get(what) is not None:
        return []
    return [Sent(what, word, None, settled)]


def _stops(style: Style, mode: Settled, client: Client) -> list[Sent]:
    """Adds the style's stop sequences to those of the client, as many as a request may have."""
    before = client.set.get("stop")
    own = [before] if isinstance(before, str) else before if isinstance(before, list) else []
    more = [stop for stop in style.stop if stop not in own][: max(0, MOST_STOPS - len(own))]
    if not more or "stop" not in client.takes or (before is None and client.unseen):
        return []
    return [Sent("stop", [*own, *more], before, mode)]


def _preamble(style: Style | None, mode: Settled | None, leaning: str) -> list[Sent]:
    parts = [style.preamble.strip()] if style is not None and style.preamble.strip() else []
    parts += {"low": [SHORTER], "high": [LONGER]}.get(leaning, [])
    if not parts:
        return []
    settled = mode
    if settled is None or style is None:
        settled = Settled("verbosity", leaning, None, FEEDBACK, note="feedback asks for it")
    return [Sent("preamble", " ".join(parts), None, settled)]


def _leaning(feedback: StyleDelta | None) -> Literal["", "low", "high"]:
    if feedback is None or not abs(feedback.verbosity) >= VERBOSE:
        return ""
    return "low" if feedback.verbosity < 0 else "high"
