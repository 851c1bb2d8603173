"""A client that reads names in any letters, and calls wherever they stand, sees none that was not judged."""

import asyncio
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from hypothesis import strategies as some

from gateway.formats import chat, listings, responses, runs
from gateway.guard import StreamGuard, guard_whole
from gateway.testing import an_exchange
from tests.builders.cases import cases, holds
from tests.builders.guards import allowing, events_of, gated

ALLOWED = "look"
REPEATED = frozenset(("arguments", "input", "metadata", "tools"))
"""Below these nobody looks for calls."""


def spelt(*names: str) -> some.SearchStrategy[str]:
    """These names, each now and then in other letters."""
    return some.sampled_from([*names * 4, *(name.upper() for name in names), *(name.title() for name in names)])


NAME = some.sampled_from((ALLOWED, ALLOWED, "rm", ""))
FUNCTION = some.dictionaries(spelt("name"), NAME, max_size=2)
CALL = some.dictionaries(spelt("function", "function", "custom", "id"), FUNCTION | some.just("c"), max_size=2)
CALLS = some.lists(CALL | some.none(), max_size=2) | CALL | some.dictionaries(some.just("0"), CALL)
CARRIER = some.dictionaries(spelt("tool_calls", "function_call", "content", "metadata"), CALLS | FUNCTION, max_size=2)
CHOICE = some.dictionaries(spelt("message", "delta", "index"), CARRIER | some.just(0), max_size=2)
ITEM = some.fixed_dictionaries(
    {}, optional={"type": spelt("function_call", "message"), "TYPE": spelt("function_call"), "name": NAME}
)
STEP = some.dictionaries(spelt("required_action", "step_details", "submit_tool_outputs", "delta"), CARRIER, max_size=2)
REPLY = some.dictionaries(
    spelt("choices", "output", "item", "response", "data", "tool_calls", "step_details", "required_action", "type"),
    some.lists(CHOICE | ITEM | CARRIER | STEP, max_size=2) | CHOICE | ITEM | CARRIER | STEP,
    max_size=3,
)
FORMAT = some.sampled_from((chat, responses, runs, listings))


def seen_by_all(value: Any) -> Iterator[str]:
    """The tools of all calls that anybody might read."""
    for inner in value if value.__class__ is list else value.values() if value.__class__ is dict else ():
        yield from seen_by_all(inner)
    if value.__class__ is not dict:
        return
    folded = {key.casefold(): inner for key, inner in value.items()}
    for key, inner in value.items():
        if key.casefold() in ("tool_calls", "function_call"):
            yield from called_in(inner)
    if str(folded.get("type", "")).casefold() == "function_call":
        yield from (str(inner) for key, inner in value.items() if key.casefold() == "name")


def called_in(value: Any) -> Iterator[str]:
    if value.__class__ is list:
        for each in value:
            yield from called_in(each)
    elif value.__class__ is dict:
        for key, inner in value.items():
            if key.casefold() == "name" and inner.__class__ is str:
                yield inner
            elif key.casefold() not in REPEATED:
                yield from called_in(inner)


def without_repeated(value: Any) -> Any:
    if value.__class__ is list:
        return [without_repeated(each) for each in value]
    if value.__class__ is dict:
        return {key: without_repeated(inner) for key, inner in value.items() if key not in REPEATED}
    return value


async def lets_out(format: ModuleType, reply: Any, *, streamed: bool) -> bool:
    gate = gated(allowing(ALLOWED))
    if not streamed:
        body = json.dumps(reply).encode()
        return (await guard_whole(an_exchange(), format, (), gate, reply, body=body)).refusal is None
    guard = StreamGuard(an_exchange(), format, (), gate)
    (event,) = events_of([reply])
    fed, rest = await guard.feed([event]), await guard.finish()
    return fed.raw + rest.raw == event.raw


@cases(300)
def test_what_goes_out_holds_no_call_that_was_not_judged(cases: int) -> None:
    let_out: set[str] = set()

    def claim(format: ModuleType, reply: Any, streamed: bool) -> None:
        calls = {name for name in seen_by_all(without_repeated(reply)) if name not in ("", ALLOWED)}
        if runner.run(lets_out(format, reply, streamed=streamed)):
            assert not calls
            let_out.add(json.dumps(reply))

    with asyncio.Runner() as runner:
        holds(claim, cases, FORMAT, REPLY, some.booleans())
    # Neither is all of it refused.
    assert len(let_out) > cases / 20
