"""The format of runs of threads: finds the calls in runs and in the events that stream them and their steps."""

from collections.abc import Iterable
from typing import Any

from gateway.formats.chat import ends, may_end
from gateway.formats.counts import usage
from gateway.formats.found import CallDelta, FoundCall
from gateway.formats.no_calls import answered_calls, cut_short, joined, noted, put_back, seam, step_of
from gateway.formats.plain import context_changes, event_pieces, input_text, pieces, tool_results
from gateway.formats.run_calls import calls_in, holders_in, kind_of, read, tools_of
from gateway.formats.strangers import decoded, elements, number, string
from gateway.formats.strays import may_tell_of_call, stray_in

__all__ = [
    "answered_calls",
    "assembled",
    "calls",
    "context_changes",
    "cut_short",
    "ended_choices",
    "ends",
    "event_calls",
    "event_pieces",
    "input_text",
    "joined",
    "made_with",
    "may_call",
    "may_end",
    "may_hold_call",
    "name",
    "noted",
    "output_text",
    "pieces",
    "put_back",
    "repeats",
    "seam",
    "step_of",
    "stray_call",
    "tool_results",
    "usage",
]

name = "runs"
repeats = False

_GOES_ON = frozenset(("queued", "in_progress", ""))


def calls(reply: Any) -> list[FoundCall]:
    """Gives each call that a whole run waits for."""
    return [FoundCall(read(call, at), path, tools_of(reply)) for at, call, path in calls_in(reply)]


def event_calls(event: Any) -> list[CallDelta]:
    """Gives what one event says about calls: a delta of a step adds to them, a run or a step tells them as wholes.

    Calls of a run are known by their ids, those of a step by their places in it.
    """
    found = []
    whole = not string(event, "object").endswith(".delta")
    step = None if string(event, "object") == "thread.run" else string(event, "id")
    for at, each, path in calls_in(event):
        index = at if whole else number(each, "index", at)
        call = read(each, index)
        place = (step, index) if step is not None else (step, call.id or index)
        # What the upstream runs has its name in its type, in every delta.
        told = whole or kind_of(each) != "function"
        found.append(
            CallDelta(
                0,
                index,
                call.id or None,
                call.name if whole else call.name or None,
                call.arguments,
                whole,
                place,
                call.kind,
                whole=told,
                named=told and bool(call.name),
                path=path,
                again=step is None,
            )
        )
    return found


def ended_choices(event: Any) -> list[int]:
    """Gives the one choice that there is where a run or a step goes on no longer."""
    object, status = string(event, "object"), string(event, "status")
    return [0] if object in ("thread.run", "thread.run.step") and status not in _GOES_ON else []


def assembled(data: Iterable[bytes]) -> Any:
    """Gives the run as it was told last; the last event where no run was told."""
    run = last = None
    for each in data:
        event = decoded(each)
        if event.__class__ is dict:
            last = event
            run = event if string(event, "object") == "thread.run" else run
    return last if run is None else run


def output_text(reply: Any) -> str:
    """Gives the names of the calls that a run waits for."""
    return "\n".join(found.call.name for found in calls(reply))


def made_with(event: Any) -> list[Any] | None:
    """Gives the tools of the run that an event tells of, None where it tells of none."""
    return tools_of(event) if string(event, "object") == "thread.run" else None


def may_call(data: bytes) -> bool:
    """Whether bytes may hold a call, or say what tools there are."""
    return b'"tools"' in data or may_tell_of_call(data)


def may_hold_call(data: bytes) -> bool:
    """Whether bytes may hold a call."""
    return may_tell_of_call(data)


def stray_call(told: Any, *, streamed: bool) -> str | None:
    """Gives the name of what tells of a call otherwise than it is read here, None where nothing does."""
    holders = [holder for holder, _ in holders_in(told)]
    return stray_in(told, (), [call for holder in holders for call in elements(holder, "tool_calls")], holders)
