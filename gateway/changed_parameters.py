"""Tells what became of a request and its reply: each member that was changed, before and after, by whom and why.

What plugins did is told by the trail. Of what the pipeline did itself (a route that names a model, contexts, results of
tools) nothing stands there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from gateway.answers import Amendment, Insert, Nudge, Path, Remove, Retry
from gateway.exchange import Exchange, Step
from gateway.recorded import recorded_value

MOST_CHANGES = 100
Kind: TypeAlias = Literal["set", "remove", "insert"]


class ChangedParameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change; `before` and `after` are absent where there was nothing, or where it is not known.

    `hook` is shape or review, or the one because of whose answer the pipeline changed something: route, recall,
    run_tool. Then there is no plugin. `in_reply` says that it is a change to the reply and not to the request,
    `applied` of False that it was computed and not made, as in shadow. `signal` is what led to it, where that is told.
    """

    hook: str
    parameter: str
    before: Any = None
    after: Any = None
    because: str = ""
    plugin: str | None = None
    kind: Kind = "set"
    in_reply: bool = False
    applied: bool = True
    signal: str | None = None


def changed_parameters(exchange: Exchange) -> list[ChangedParameter] | None:
    """Gives the changes in their order, None where there are none; those of a target that was given up are left out.

    What a plugin computed in shadow is among them.
    """
    steps = _in_force(exchange.trail, exchange.shaped_from)
    found = [*_of_the_pipeline(exchange), *_of_plugins(steps, exchange.asked.json)]
    return found[:MOST_CHANGES] or None


def _of_the_pipeline(exchange: Exchange) -> Iterator[ChangedParameter]:
    asked, sent = exchange.asked.model_label, exchange.request.model_label
    if any(target.model == sent for target in exchange.route.targets if target.model not in (None, asked)):
        yield ChangedParameter("route", "model", asked, sent, exchange.route.because or "the route names a model")
    answered = any(use.status != "blocked" or use.action == "answered" for use in exchange.tools)
    if not exchange.contexts and not answered:
        return
    hook, because = (
        ("recall", "context was recalled") if exchange.contexts else ("run_tool", "calls were answered here")
    )
    for name in ("messages", "input", "instructions"):
        before, after = _member(exchange.asked.json, (name,)), _member(exchange.request.json, (name,))
        if before != after:
            said = recorded_value((name,), before), recorded_value((name,), after)
            yield ChangedParameter(hook, name, *said, because)


def _of_plugins(steps: Iterable[Step], asked: Any) -> Iterator[ChangedParameter]:
    told = _Told(asked)
    for step in steps:
        if isinstance(step.answer, Nudge | Amendment | Retry):
            yield from told.changes(step, step.answer)
            if isinstance(step.answer, Nudge):
                yield from told.governed(step, step.answer)


class _Told:
    """What a request holds, and what the exchange goes on under, while changes are told in their order."""

    def __init__(self, asked: Any) -> None:
        self._asked = asked
        self._now: dict[Path, Any] = {}
        self._governed: dict[str, Any] = {"safety_mode": "balanced", "allowed_tools": None}

    def changes(self, step: Step, answer: Nudge | Amendment | Retry) -> Iterator[ChangedParameter]:
        in_reply, applied = isinstance(answer, Amendment), getattr(answer, "applied", True)
        for number, change in enumerate(answer.changes):
            path, kind = tuple(change.path), _kind_of(change)
            before = None
            if kind != "insert" and not in_reply:
                before = self._now.get(path, recorded_value(path, _member(self._asked, path)))
            after = None if isinstance(change, Remove) else change.value
            if kind == "set" and applied and self._now.get(path, msgspec.UNSET) == after:
                continue  # a later step of a loop says again what an earlier one did
            if not in_reply and applied:
                self._now[path] = after
            because, source = _why(answer, number)
            name = ".".join(map(str, path))
            yield ChangedParameter(
                step.hook, name, before, after, because, step.plugin, kind, in_reply, applied, source
            )

    def governed(self, step: Step, nudge: Nudge) -> Iterator[ChangedParameter]:
        """Tells what the exchange goes on under as if it were a parameter of the request."""
        number = len(nudge.changes)
        for name in self._governed:
            after, before = getattr(nudge, name), self._governed[name]
            if after is None:
                continue
            because, source = _why(nudge, number)
            number += 1
            if after != before:
                yield ChangedParameter(
                    step.hook, name, before, after, because, step.plugin, applied=nudge.applied, signal=source
                )
                if nudge.applied:
                    self._governed[name] = after


def _why(answer: Nudge | Amendment | Retry, number: int) -> tuple[str, str | None]:
    """Gives the reason of a change, and what led to it where that is told."""
    if not isinstance(answer, Nudge):
        return answer.because, None
    reasons, sources = answer.reasons, answer.sources
    return (
        reasons[number] if number < len(reasons) else answer.because,
        sources[number] if number < len(sources) else None,
    )


def _in_force(trail: Sequence[Step], shaped_from: int) -> Iterator[Step]:
    """Gives the steps whose changes were made: `shape` is asked anew for each target, a try more is given once.

    In a tool loop `shape` adds to what it did before; what it only computes there takes the place of that.
    """
    computed = {
        step.plugin: number
        for number, step in enumerate(trail)
        if step.hook == "shape" and isinstance(step.answer, Nudge) and not step.answer.applied
    }
    retried = False
    for number, step in enumerate(trail):
        if step.hook == "shape":
            is_last = computed.get(step.plugin, number) == number or getattr(step.answer, "applied", True)
            if number >= shaped_from and is_last and not _is_given_up(trail, number):
                yield step
        elif step.hook == "review" and not _is_given_up(trail, number):
            if isinstance(step.answer, Retry):
                if retried:
                    continue
                retried = True
            yield step


def _is_given_up(trail: Sequence[Step], number: int) -> bool:
    """Whether the step behind this one says that its answer could not be used."""
    step, after = trail[number], trail[number + 1 : number + 2]
    return any(
        each.plugin == step.plugin and each.hook == step.hook and (each.fault or "").startswith("wrong_type")
        for each in after
    )


def _kind_of(change: Any) -> Kind:
    return "remove" if isinstance(change, Remove) else "insert" if isinstance(change, Insert) else "set"


def _member(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value
