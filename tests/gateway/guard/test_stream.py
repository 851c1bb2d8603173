"""Tests of the guard of streams: what may go out goes out as it came, and nothing else does."""

import json
from time import thread_time
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import Cut, Hold, Redact, Refusal, Release, ToolCall, Window
from gateway.formats import chat, plain, responses
from gateway.formats.strangers import texts
from gateway.guard import StreamGuard
from gateway.hooks import Implementation
from gateway.sse import Event, EventReader
from gateway.testing import an_exchange
from tests.builders.guards import (
    a_guard,
    allowing,
    data_out,
    events_of,
    gated,
    raw_of,
    run,
    said,
    watched,
)
from tests.builders.streams import (
    NAMES,
    call_item,
    chat_chunk,
    chat_streams,
    message_item,
    response_events,
    response_streams,
    told,
)

SECRET = "abba"


@st.composite
def batches(draw: st.DrawFn, events: list[Event]) -> list[list[Event]]:
    """The events as they may arrive: several at once, or none."""
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=len(events))))
    return [events[i:j] for i, j in zip([0, *cuts], [*cuts, len(events)], strict=True)]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[ModuleType, list[dict[str, Any]], list[list[Event]]]:
    """A stream of either format, decoded, and as the batches of events in which it arrives."""
    format = draw(st.sampled_from((chat, responses)))
    chunks = draw(chat_streams() if format is chat else response_streams())
    return format, chunks, draw(batches(events_of(chunks, done=format is chat)))


def decoded(raw: bytes) -> list[Any]:
    return [json.loads(data) for data in data_out(raw) if data != b"[DONE]"]


# Properties.


@given(arrivals(), st.randoms(use_true_random=False), st.booleans())
async def test_plugins_that_only_hold_and_release_change_no_byte(arrival: Any, random: Any, whole: bool) -> None:
    format, _, arriving = arrival
    watch = watched(lambda window: random.choice((None, Release(), Hold())), lambda window: None)
    guard = a_guard(format, watch, gated(allowing(*NAMES), whole=whole))
    raw, refusal = await run(guard, arriving)
    assert refusal is None
    assert raw == b"".join(map(raw_of, arriving))


def owners(format: ModuleType, chunks: list[dict[str, Any]]) -> list[set[Any]]:
    """Gives the calls that each event speaks of."""
    return [{(delta.choice, delta.place) for delta in format.event_calls(chunk)} for chunk in chunks]


def calls_of(format: ModuleType, chunks: list[dict[str, Any]]) -> dict[Any, ToolCall]:
    """Gives the whole calls of a stream, by what tells them apart."""
    found: dict[Any, ToolCall] = {}
    for chunk in chunks:
        for delta in format.event_calls(chunk):
            key = (delta.choice, delta.place)
            before = found.get(key, ToolCall("", "", ""))
            name = (delta.name or before.name) if delta.whole else before.name + (delta.name or "")
            arguments = delta.arguments if delta.whole else before.arguments + delta.arguments
            found[key] = ToolCall(delta.id or before.id, name, arguments)
    return found


@given(arrivals(), st.sets(st.sampled_from(NAMES)), st.sets(st.text("ab {", max_size=3)), st.booleans())
async def test_no_byte_of_a_refused_call_goes_out(
    arrival: Any, allowed: set[str], arguments: set[str], whole: bool
) -> None:
    format, chunks, arriving = arrival

    def gate(call: ToolCall) -> Refusal | None:
        fine = call.name in allowed and not (whole and call.arguments in arguments)
        return None if fine else Refusal("no")

    raw, refusal = await run(a_guard(format, (), gated(gate, whole=whole)), arriving)
    refused = {key for key, call in calls_of(format, chunks).items() if gate(call)}
    assert bool(refusal) == bool(refused)
    whole_raw = b"".join(map(raw_of, arriving))
    assert whole_raw.startswith(raw) if refused else raw == whole_raw
    out = decoded(raw)
    assert not refused.intersection(*[set().union(*owners(format, out))])


def hiding(window: Window) -> Any:
    """Redacts a word, and waits where it may have begun."""
    if any(window.text.endswith(SECRET[:length]) for length in range(1, len(SECRET))) and not window.last:
        return Hold()
    return Redact(window.text.replace(SECRET, "*")) if SECRET in window.text else Release()


def cutting(window: Window) -> Any:
    """Cuts at a word, and waits where it may have begun."""
    verdict = hiding(window)
    return Cut("found it") if isinstance(verdict, Redact) else verdict


def strings(value: Any) -> list[str]:
    return [*texts(value)]


@given(arrivals())
async def test_a_redacted_word_goes_out_in_no_event(arrival: Any) -> None:
    format, chunks, arriving = arrival
    raw, refusal = await run(a_guard(format, watched(hiding)), arriving)
    out = decoded(raw)
    assert refusal is None
    assert len(out) == len(chunks)
    expected = {key: text.replace(SECRET, "*") for key, text in said(format, chunks).items()}
    assert said(format, out) == expected
    assert not any(SECRET in text for text in strings(out))
    assembled = format.assembled(data_out(raw))
    unrepeated = format.assembled(
        [data for data in data_out(raw) if b'.done"' not in data and b".completed" not in data]
    )
    assert [piece.text for piece in format.pieces(assembled)] == [piece.text for piece in format.pieces(unrepeated)]


@given(arrivals())
async def test_of_a_cut_text_goes_out_what_stands_before_it(arrival: Any) -> None:
    format, chunks, arriving = arrival
    raw, refusal = await run(a_guard(format, watched(cutting)), arriving)
    given_texts = said(format, chunks)
    out = decoded(raw)
    assert bool(refusal) == any(SECRET in text for text in given_texts.values())
    assert b"".join(map(raw_of, arriving)).startswith(raw)
    assert not any(SECRET in text for text in [*said(format, out).values(), *strings(out)])


@given(arrivals(), st.randoms(use_true_random=False))
async def test_whatever_a_plugin_answers_its_answers_are_what_goes_out(arrival: Any, random: Any) -> None:
    format, _, arriving = arrival
    released: dict[tuple[int, str], list[str]] = {}

    def judge(window: Window) -> Any:
        verdict = random.choice(
            (Release(), None, Hold(), Redact(""), Redact('x\n"\u00e9'), Cut("c"), RuntimeError("no"))
        )
        if isinstance(verdict, RuntimeError):
            raise verdict
        if not isinstance(verdict, Cut) and (window.last or not isinstance(verdict, Hold)):
            text = verdict.text if isinstance(verdict, Redact) else window.text
            released.setdefault((window.choice, window.channel), []).append(text)
        return verdict

    raw, _ = await run(a_guard(format, watched(judge)), arriving)
    for (choice, channel, lane), text in said(format, decoded(raw)).items():
        if lane is None:
            assert "".join(released[choice, channel]).startswith(text)


# Order, holding, limits.


def chat_text(*pieces: str, choice: int = 0) -> list[dict[str, Any]]:
    return [chat_chunk({"content": piece}, choice) for piece in pieces]


async def test_a_window_is_the_text_that_waits_with_the_end_of_what_went_out() -> None:
    seen: list[Window] = []

    def judge(window: Window) -> Any:
        seen.append(window)
        return Hold() if window.text == "c" else None

    guard = a_guard(chat, watched(judge))
    for event in events_of(chat_text("a" * 250, "b", "c", "d")):
        await guard.feed([event])
    assert [(window.text[:3], window.before, window.last) for window in seen] == [
        ("aaa", "", False),
        ("b", "a" * 200, False),
        ("c", "a" * 199 + "b", False),
        ("cd", "a" * 199 + "b", False),
    ]


async def test_each_choice_and_channel_has_windows_of_its_own() -> None:
    seen = []
    guard = a_guard(chat, watched(lambda window: seen.append((window.choice, window.channel, window.text))))
    chunks = [*chat_text("a"), *chat_text("b", choice=1), chat_chunk({"refusal": "c"}), chat_chunk({"reasoning": "d"})]
    await guard.feed(events_of(chunks))
    assert seen == [(0, "text", "a"), (1, "text", "b"), (0, "refusal", "c"), (0, "reasoning", "d")]


async def test_events_behind_a_held_text_wait_for_it() -> None:
    guard = a_guard(chat, watched(lambda window: Hold() if window.choice == 0 else None))
    events = events_of([*chat_text("a"), *chat_text("b", choice=1)])
    assert (await guard.feed(events)).raw == b""
    assert (await guard.finish()).raw == raw_of(events)


async def test_a_choice_that_ends_is_held_no_longer() -> None:
    guard = a_guard(chat, watched(lambda window: Hold()))
    events = events_of([*chat_text("a"), chat_chunk({}, finish_reason="stop")])
    assert (await guard.feed(events[:1])).raw == b""
    assert (await guard.feed(events[1:])).raw == raw_of(events)


async def test_what_is_held_too_long_is_asked_about_as_the_last_and_then_goes_out() -> None:
    now = [0]
    seen = []

    def judge(window: Window) -> Hold:
        seen.append(window.last)
        return Hold()

    guard = a_guard(chat, watched(judge), clock=lambda: now[0], max_hold_ms=50)
    due = [guard.due]
    events = events_of(chat_text("a"))
    assert (await guard.feed(events)).raw == b""
    due.append(guard.due)
    now[0] = 49_999_999
    assert (await guard.feed([])).raw == b""
    now[0] = 50_000_000
    assert (await guard.feed([])).raw == raw_of(events)
    assert seen == [False, True]
    assert [*due, guard.due] == [None, 50_000_000, None]


async def test_what_is_held_and_grows_too_long_is_asked_about_as_the_last() -> None:
    guard = a_guard(chat, watched(lambda window: Cut("late") if window.last else Hold()), max_hold_chars=5)
    assert (await guard.feed(events_of(chat_text("abc", "de")))).refusal is None
    refusal = (await guard.feed(events_of(chat_text("f")))).refusal
    assert refusal is not None
    assert refusal.code == "content_cut"


async def test_a_text_behind_the_end_of_its_choice_is_not_the_last() -> None:
    seen = []
    guard = a_guard(chat, watched(lambda window: seen.append((window.text, window.last))))
    await guard.feed(events_of([*chat_text("a"), chat_chunk({}, finish_reason="stop")]))
    await guard.feed(events_of(chat_text("b")))
    assert seen == [("a", True), ("b", False)]


async def test_after_a_refusal_nothing_goes_out() -> None:
    guard = a_guard(chat, watched(lambda window: Cut("no")))
    assert (await guard.feed(events_of(chat_text("a")))).refusal is not None
    assert (await guard.feed(events_of(chat_text("b")))).raw == b""
    assert (await guard.finish()).raw == b""


async def test_what_stands_before_a_refused_event_goes_out() -> None:
    guard = a_guard(chat, watched(lambda window: Cut("no") if "b" in window.text else Hold()))
    events = events_of([*chat_text("a"), *chat_text("b", choice=1)])
    out = await guard.feed(events)
    assert out.raw == raw_of(events[:1])
    assert out.refusal is not None


def refusing(word: str) -> Any:
    return lambda window: Cut("no", code="cut") if word in window.text else None


async def test_the_earliest_of_two_objections_ends_the_stream() -> None:
    guard = a_guard(chat, watched(refusing("a")), gated(allowing()))
    events = events_of([chat_chunk({"function_call": {"name": "f", "arguments": "{}"}}), *chat_text("a")])
    assert (await guard.feed(events)).refusal == Refusal("Not this tool.", code="tool_not_allowed")


async def test_what_stands_behind_a_refused_event_is_not_asked_about_again() -> None:
    seen = []

    def judge(window: Window) -> Any:
        seen.append((window.text, window.last))
        return Hold()

    guard = a_guard(chat, watched(judge), gated(allowing()))
    chunks = [*chat_text("a"), chat_chunk({"function_call": {"name": "f"}}), *chat_text("b")]
    await guard.feed(events_of(chunks))
    out = await guard.feed(events_of([chat_chunk({"function_call": {"arguments": "{}"}})]))
    assert out.raw == raw_of(events_of(chat_text("a")))
    assert ("a", True) in seen
    assert ("ab", True) not in seen


async def test_a_text_that_is_cut_when_it_is_asked_about_as_the_last_ends_the_stream_before_it() -> None:
    judges = watched(lambda window: Cut("no", code="cut") if window.last else Hold())
    guard = a_guard(chat, judges, gated(allowing()))
    out = await guard.feed(
        events_of([*chat_text("a"), chat_chunk({"function_call": {"name": "f", "arguments": "{}"}})])
    )
    assert out.raw == b""
    assert out.refusal is not None
    assert out.refusal.code == "cut"


async def test_what_went_out_does_not_count_as_waiting() -> None:
    guard = a_guard(chat, watched(lambda window: None), max_held_bytes=1000)
    assert all([(await guard.feed(events_of(chat_text("a")))).refusal is None for _ in range(20)])


async def test_too_much_that_waits_ends_the_stream() -> None:
    guard = a_guard(chat, watched(lambda window: Hold()), max_held_bytes=1000)
    refusal = (await guard.feed(events_of(chat_text(*"abcdefghij")))).refusal
    assert refusal is not None
    assert refusal.code == "too_much_held"


# What is rewritten, and how.


async def test_a_redacted_event_keeps_its_other_lines_and_members() -> None:
    raw = b'id: 7\r\nevent: x\r\ndata: {"big": 123456789012345678901, "choices":[{"delta":{"content":"a"}}] }\r\n\r\n'
    guard = a_guard(chat, watched(lambda window: Redact("\u00e9")))
    assert (await guard.feed(EventReader().feed(raw))).raw.decode() == raw.decode().replace('"a"', '"é"')


async def test_a_member_that_stands_twice_does_not_smuggle_a_text_out() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"a","content":"secret"}}]}\n\n'
    out = await a_guard(chat, watched(lambda window: Redact("x"))).feed(EventReader().feed(raw))
    assert b"secret" not in out.raw
    assert decoded(out.raw)[0]["choices"][0]["delta"]["content"] == "x"


async def test_the_probabilities_of_a_redacted_text_do_not_go_out() -> None:
    chunk = chat_chunk({"content": "secret"}, logprobs={"content": [{"token": "secret"}]})
    out = await a_guard(chat, watched(lambda window: Redact("x"))).feed(events_of([chunk]))
    assert b"secret" not in out.raw


async def test_comments_and_empty_events_pass() -> None:
    raw = b": keep-alive\n\nevent: ping\ndata:\n\n"
    out = await a_guard(chat, watched(lambda window: Cut("no")), gated(allowing())).feed(EventReader().feed(raw))
    assert out.raw == raw


async def test_what_cannot_be_read_does_not_pass() -> None:
    out = await a_guard(chat, watched(lambda window: None)).feed(EventReader().feed(b'data: {"choices\n\n'))
    assert out.raw == b""
    assert out.refusal is not None
    assert out.refusal.code == "unreadable_event"


async def test_the_first_event_that_cannot_be_read_ends_the_stream() -> None:
    out = await a_guard(chat, watched(lambda window: None)).feed(EventReader().feed(b"data: {1\n\ndata: {2\n\n"))
    assert out.raw == b""


async def test_where_nothing_is_read_anything_passes() -> None:
    raw = b"data: no json\n\n"
    assert (await a_guard(plain, watched(lambda window: None)).feed(EventReader().feed(raw))).raw == raw


async def test_half_a_surrogate_pair_passes_as_it_came() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n'
    assert (await a_guard(chat, watched(lambda window: None)).feed(EventReader().feed(raw))).raw == raw


async def test_an_event_without_its_blank_line_is_guarded_too() -> None:
    guard = a_guard(chat, watched(lambda window: Cut("no")))
    out = await guard.finish(b'data: {"choices":[{"delta":{"content":"secret"}}]}')
    assert out.raw == b""
    assert out.refusal is not None


async def test_a_plugin_that_raises_cuts() -> None:
    def broken(asked: object) -> None:
        raise RuntimeError("no")

    refusal = (await a_guard(chat, watched(broken)).feed(events_of(chat_text("a")))).refusal
    assert refusal is not None
    assert refusal.code == "plugin_failed"


# Calls.


def chat_call(index: int = 0, name: str | None = None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return chat_chunk({"tool_calls": [{"index": index, "function": function, **more}]})


async def test_a_call_waits_until_its_arguments_begin() -> None:
    asked = []
    guard = a_guard(chat, (), gated(lambda call: asked.append(call.name)))
    events = events_of([chat_call(name="look"), chat_call(name="_up", arguments=""), chat_call(arguments="{")])
    assert (await guard.feed(events[:2])).raw == b""
    assert (await guard.feed(events[2:])).raw == raw_of(events)
    assert asked == ["look_up"]


async def test_a_call_is_named_when_the_next_begins() -> None:
    guard = a_guard(chat, (), gated(allowing("a")))
    events = events_of([chat_call(name="a"), chat_call(1, name="b")])
    assert (await guard.feed(events)).raw == raw_of(events[:1])


@pytest.mark.parametrize("end", [[chat_chunk({}, finish_reason="tool_calls")], []])
async def test_a_call_is_named_when_the_turn_ends(end: list[Any]) -> None:
    guard = a_guard(chat, (), gated(allowing("a")))
    events = events_of([chat_call(name="a"), *end], done=True)
    assert (await guard.feed(events)).raw == raw_of(events)


async def test_a_call_that_broke_off_before_its_name_was_whole_does_not_go_out() -> None:
    guard = a_guard(chat, (), gated(allowing("delete")))
    events = events_of([*chat_text("a"), chat_call(name="delete")])
    out = await guard.feed(events)
    assert out.raw + (await guard.finish(broken=True)).raw == raw_of(events[:1])


async def test_a_name_that_grows_behind_its_arguments_is_asked_about_again() -> None:
    guard = a_guard(chat, (), gated(allowing("a")))
    assert (await guard.feed(events_of([chat_call(name="a", arguments="{")]))).refusal is None
    out = await guard.feed(events_of([chat_call(name="b")]))
    assert out.raw == b""
    assert out.refusal is not None


async def test_calls_of_one_index_with_ids_of_their_own_are_two() -> None:
    asked = []
    guard = a_guard(chat, (), gated(lambda call: asked.append((call.id, call.name))))
    await guard.feed(events_of([chat_call(0, "a", "{}", id="1"), chat_call(0, "b", "{}", id="2")]))
    assert asked == [("1", "a"), ("2", "b")]


async def test_calls_of_one_index_are_whole_when_the_next_begins() -> None:
    guard = a_guard(chat, (), gated(allowing("a"), whole=True))
    events = events_of([chat_call(0, "a", "{}", id="1"), chat_call(0, "b", "{}", id="2")])
    assert (await guard.feed(events)).raw == raw_of(events[:1])


@pytest.mark.parametrize("caller", [True, False])
async def test_a_whole_call_is_asked_about_where_someone_needs_it(caller: bool) -> None:
    asked = []
    gates = gated(lambda call: asked.append(call), whole=not caller)
    guard = a_guard(chat, (), gates, whole_calls=caller)
    start = chat_call(name="f", arguments="{", id="c", type="function")
    events = events_of([start, chat_call(arguments="}"), chat_chunk({}, finish_reason="tool_calls")])
    assert (await guard.feed(events[:2])).raw == b""
    assert (await guard.feed(events[2:])).raw == raw_of(events)
    assert asked == [ToolCall("c", "f", "{}")]


async def test_the_legacy_call_is_governed_too() -> None:
    chunks = [chat_chunk({"function_call": {"name": "f"}}), chat_chunk({"function_call": {"arguments": "{}"}})]
    out = await a_guard(chat, (), gated(allowing())).feed(events_of(chunks))
    assert out.raw == b""
    assert out.refusal == Refusal("Not this tool.", code="tool_not_allowed")


def response_of(*items: dict[str, Any], pieces: dict[int, list[str]]) -> list[dict[str, Any]]:
    middle = [event for at, item in enumerate(items) for event in told(item, at, pieces[at])]
    return response_events([*items], middle)


async def test_the_last_event_of_a_response_is_redacted_alike() -> None:
    events = response_of(message_item(0, "my secret"), pieces={0: ["my sec", "ret"]})
    judges = watched(
        lambda w: Hold() if not w.last and w.text.endswith("sec") else Redact(w.text.replace("secret", "*"))
    )
    raw, refusal = await run(a_guard(responses, judges), [[event] for event in events_of(events)])
    assert refusal is None
    assert b"secret" not in raw
    assert decoded(raw)[-1]["response"]["output"][0]["content"][0]["text"] == "my *"
    assert raw.count(b"my *") == 5


async def test_a_text_that_was_told_already_is_not_asked_about_again() -> None:
    seen = []
    events = response_of(message_item(0, "hello"), pieces={0: ["hel", "lo"]})
    await run(a_guard(responses, watched(lambda window: seen.append(window.text))), [[e] for e in events_of(events)])
    assert seen == ["hel", "lo"]


async def test_a_text_that_is_told_otherwise_goes_out_as_it_is_told() -> None:
    events = events_of(response_of(message_item(0, "hello!"), pieces={0: ["Hello"]}))
    raw, _ = await run(a_guard(responses, watched(lambda window: None)), [[event] for event in events])
    assert raw == raw_of(events)


async def test_a_long_text_is_repeated_as_it_went_out() -> None:
    pieces = ["secret ", *(["word "] * 600)]
    events = events_of(response_of(message_item(0, "".join(pieces)), pieces={0: pieces}))
    judges = watched(lambda window: Redact("* ") if "secret" in window.text else None)
    raw, _ = await run(a_guard(responses, judges), [[event] for event in events])
    assert decoded(raw)[-1]["response"]["output"][0]["content"][0]["text"] == "* " + "word " * 600


async def test_a_text_that_only_the_last_event_tells_is_asked_about() -> None:
    events = response_of(message_item(0, "secret"), pieces={0: ["hello"]})
    raw, refusal = await run(
        a_guard(responses, watched(lambda w: Cut("no") if "secret" in w.text else None)),
        [[e] for e in events_of(events)],
    )
    assert refusal is not None
    assert b"secret" not in raw
    assert b"hello" in raw


@pytest.mark.parametrize("whole", [True, False])
async def test_a_call_that_only_the_last_event_tells_is_asked_about(whole: bool) -> None:
    events = response_events([call_item(0, "evil", "{}")], [])
    raw, refusal = await run(a_guard(responses, (), gated(allowing("good"), whole=whole)), [events_of(events)])
    assert refusal is not None
    assert b"evil" not in raw


async def test_a_call_of_a_response_is_asked_about_once_where_nothing_is_new() -> None:
    asked = []
    events = events_of(response_of(call_item(0, "f", "{}"), pieces={0: ["{", "}"]}))
    for whole in (False, True):
        raw, _ = await run(
            a_guard(responses, (), gated(lambda call: asked.append(call), whole=whole)), [[e] for e in events]
        )
        assert raw == raw_of(events)
    assert [(call.id, call.name, call.arguments) for call in asked] == [("call_0", "f", ""), ("call_0", "f", "{}")]


async def test_a_whole_call_that_is_told_otherwise_is_asked_about_again() -> None:
    asked = []
    events = events_of(response_of(call_item(0, "f", "[]"), pieces={0: ["{}"]}))
    gates = gated(lambda call: asked.append(call.arguments), whole=True)
    await run(a_guard(responses, (), gates), [[event] for event in events])
    assert asked == ["{}", "[]"]


@pytest.mark.parametrize("whole", [True, False])
async def test_a_stream_that_begins_in_the_middle_of_a_call_waits_for_its_name(whole: bool) -> None:
    asked = []
    item = {"id": "ct_0", "call_id": "c", "type": "custom_tool_call", "name": "g", "input": "hi"}
    events = events_of(
        [
            {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "i"},
            {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": "hi"},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
        ]
    )
    guard = a_guard(responses, (), gated(lambda call: asked.append(call), whole=whole))
    assert (await guard.feed(events[:2])).raw == b""
    assert (await guard.feed(events[2:])).raw == raw_of(events)
    assert asked == [ToolCall("c", "g", "hi", kind="custom")]


async def test_an_upstreams_own_tool_is_governed_as_its_item_appears() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    searching = {"type": "response.web_search_call.searching", "output_index": 0}
    events = events_of([added, searching])
    assert (await a_guard(responses, (), gated(allowing("web_search"))).feed(events)).raw == raw_of(events)
    assert (await a_guard(responses, (), gated(allowing())).feed(events)).raw == b""


async def test_long_streams_take_time_in_proportion() -> None:
    watch: tuple[Implementation, ...] = watched(lambda window: None)
    chunk = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "word "}
    events = events_of([chunk]) * 500
    guard = a_guard(responses, watch)
    out = [(await guard.feed(events)).raw for _ in range(40)]
    assert sum(map(len, out)) == len(raw_of(events)) * 40


# Calls that stay here.


def hosting_guard(hosted: dict[str, str], allow_tool: tuple[Implementation, ...] = ()) -> StreamGuard:
    exchange = an_exchange()
    exchange.hosted = hosted
    return StreamGuard(exchange, chat, (), allow_tool, loops=True, begin_seam=lambda before: chat.seam())


def a_call_chunk(**function: str) -> dict[str, Any]:
    return chat_chunk({"tool_calls": [{"index": 0, "id": "c", "function": function}]})


@pytest.mark.parametrize("whole", [False, True])
async def test_text_does_not_wait_for_a_call_that_stays_here(whole: bool) -> None:
    guard = hosting_guard({"look": "look"}, gated(allowing("look"), whole=whole))
    begun = events_of([a_call_chunk(name="look", arguments=""), a_call_chunk(arguments='{"q"')])
    text = events_of([chat_chunk({"content": "Hello"})])
    assert (await guard.feed([*begun, *text])).raw == raw_of(text)
    assert guard.goes_on


async def test_a_hosted_call_is_asked_about_with_all_its_arguments() -> None:
    seen: list[ToolCall] = []
    guard = hosting_guard({"look": "look"}, gated(seen.append))
    await run(guard, [events_of([a_call_chunk(name="look", arguments="{"), a_call_chunk(arguments="}")], done=True)])
    assert [(call.call.arguments, call.refusal) for call in await guard.turn()] == [("{}", None)]
    assert [call.arguments for call in seen] == ["{}"]


async def test_a_blocked_call_is_noted_with_all_its_arguments() -> None:
    guard = hosting_guard({}, gated(allowing()))
    chunks = [a_call_chunk(name="rm", arguments='{"n"'), a_call_chunk(arguments=":7}")]
    raw, refusal = await run(guard, [events_of([chunk]) for chunk in chunks])
    (withheld,) = await guard.turn()
    assert (raw, refusal, withheld.call.arguments) == (b"", None, '{"n":7}')
    assert withheld.refusal == Refusal("Not this tool.", code="tool_not_allowed")


def two_calls_of_one_id(first: str, second: str) -> list[dict[str, Any]]:
    both = [
        {"index": at, "id": "c", "function": {"name": "look", "arguments": each}}
        for at, each in enumerate((first, second))
    ]
    return [chat_chunk({"tool_calls": [call]}) for call in both]


@pytest.mark.parametrize("hosts", [True, False])
async def test_two_withheld_calls_of_one_id_are_two_unless_they_say_the_same(hosts: bool) -> None:
    for second, arguments in (("[]", ["{}", "[]"]), ("{}", ["{}"])):
        guard = (
            hosting_guard({"look": "look"}, gated(allowing("look"))) if hosts else hosting_guard({}, gated(allowing()))
        )
        await run(guard, [events_of(two_calls_of_one_id("{}", second), done=True)])
        assert [withheld.call.arguments for withheld in await guard.turn()] == arguments


@pytest.mark.parametrize("whole", [False, True])
async def test_a_long_call_takes_time_in_proportion(whole: bool) -> None:
    guard = hosting_guard({}, gated(allowing("write"), whole=whole))
    await guard.feed(events_of([a_call_chunk(name="write", arguments="")]))
    events = events_of([a_call_chunk(arguments="abcd")])
    began = thread_time()
    for _ in range(32_000):
        await guard.feed(events)
    # It takes a quarter of a second; with all arguments put together for each delta it would be four and more.
    assert thread_time() - began < 2


async def test_a_call_that_has_gone_out_and_then_becomes_another_ends_the_stream() -> None:
    guard = hosting_guard({}, gated(allowing("look")))
    out = await guard.feed(events_of([a_call_chunk(name="look", arguments="{")]))
    assert out.raw and out.refusal is None
    late = await guard.feed(events_of([a_call_chunk(name="_up", arguments="}")]))
    assert (late.raw, late.refusal) == (b"", Refusal("Not this tool.", code="tool_not_allowed"))


async def test_the_exchange_has_the_tools_of_a_stream_before_its_calls_are_asked_about() -> None:
    exchange, seen = an_exchange(), []
    guard = StreamGuard(exchange, responses, (), gated(lambda call: seen.append(exchange.made_with)))
    tools = [{"type": "function", "name": "look"}]
    began = {"type": "response.created", "response": {"id": "resp_1", "tools": tools}}
    item = {"type": "function_call", "id": "fc", "call_id": "c", "name": "look", "arguments": "{}"}
    call = {"type": "response.output_item.done", "output_index": 0, "item": item}
    await run(guard, [events_of([each]) for each in (began, call, {**call, "output_index": 1})])
    assert seen == [tools, tools]
    await run(StreamGuard(exchange, responses, (), gated(lambda call: None)), [events_of([call])])
    assert exchange.made_with is None


async def test_where_no_step_can_follow_a_refused_call_ends_the_stream() -> None:
    guard = a_guard(chat, (), gated(allowing()))
    _, refusal = await run(guard, [events_of([a_call_chunk(name="rm", arguments="{}")], done=True)])
    assert refusal == Refusal("Not this tool.", code="tool_not_allowed")
