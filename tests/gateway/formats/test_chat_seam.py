"""Chat completions of the steps of a loop, made one."""

from typing import Any

from gateway.answers import Path, Remove, Set
from gateway.formats.chat_seam import joined, seam, step_of
from tests.builders.streams import chat_chunk
from tests.builders.turns import Turn, reply_of

CALL: Path = ("choices", 0, "delta", "tool_calls", 0)
STEP = Turn("Let me see.", (("look", "{}"),))


def call(index: int, **members: Any) -> dict[str, Any]:
    return chat_chunk({"tool_calls": [{"index": index, "id": "c", "function": {"name": "f", "arguments": ""}}]})


def test_an_event_with_nothing_but_a_call_that_stays_here_does_not_go_out() -> None:
    assert seam().changes(call(0), [CALL], goes_on=True) is None


def test_the_role_and_text_beside_a_call_that_stays_here_go_out() -> None:
    event = chat_chunk({"role": "assistant", "content": "Hm", "tool_calls": [{"index": 0}]})
    assert seam().changes(event, [CALL], goes_on=True) == [Remove(CALL[:-1])]


def test_a_call_behind_one_that_stays_here_gets_its_number() -> None:
    one = seam()
    one.changes(call(0), [CALL], goes_on=True)
    assert one.changes(call(1), [], goes_on=False) == [Set((*CALL, "index"), 0)]
    assert one.changes(call(1), [], goes_on=False) == [Set((*CALL, "index"), 0)]
    assert one.changes(call(2), [], goes_on=False) == [Set((*CALL, "index"), 1)]


def test_calls_of_one_event_are_taken_apart() -> None:
    calls = [{"index": number, "id": str(number), "function": {"name": "f"}} for number in range(3)]
    event = chat_chunk({"tool_calls": calls})
    changes = seam().changes(event, [CALL, (*CALL[:-1], 2)], goes_on=False)
    assert changes == [Remove((*CALL[:-1], 2)), Remove(CALL), Set((*CALL, "index"), 0)]


def test_the_end_of_a_step_does_not_go_out_but_its_text_does() -> None:
    one = seam()
    assert one.changes(chat_chunk({}, finish_reason="tool_calls"), [], goes_on=True) is None
    assert one.changes({**chat_chunk(None), "usage": {"total_tokens": 1}}, [], goes_on=True) is None
    assert one.changes(None, [], goes_on=True) is None
    last = chat_chunk({"content": "Hm"}, finish_reason="tool_calls")
    assert one.changes(last, [], goes_on=True) == [Set(("choices", 0, "finish_reason"), None)]


def test_the_next_step_has_the_first_ones_id_no_second_role_and_a_space_ahead_of_its_text() -> None:
    one = seam()
    one.saw({**chat_chunk({"role": "assistant", "content": "Let me see."}), "id": "first"})
    one.next_step({"total_tokens": 7})
    assert one.changes(chat_chunk({"role": "assistant", "content": ""}), [], goes_on=False) is None
    changes = one.changes(chat_chunk({"content": "Done"}), [], goes_on=False)
    assert changes == [Set(("choices", 0, "delta", "content"), "\n\nDone"), Set(("id",), "first")]
    assert one.changes(chat_chunk({"content": "."}), [], goes_on=False) == [Set(("id",), "first")]
    usage = one.changes({**chat_chunk(None), "usage": {"total_tokens": 2}}, [], goes_on=False)
    assert usage == [Set(("usage",), {"total_tokens": 9}), Set(("id",), "first")]


def test_the_last_reply_has_the_texts_and_the_usage_of_all() -> None:
    first = step_of(reply_of("chat", STEP, 0), ())
    changes = joined(reply_of("chat", Turn("Done."), 1), [first], ())
    assert changes == [
        Set(("choices", 0, "message", "content"), "Let me see.\n\nDone."),
        Set(("usage",), {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}),
    ]


def test_calls_are_taken_out_from_behind_and_with_the_last_one_the_list() -> None:
    turn = Turn("", (("a", "{}"), ("b", "{}"), ("c", "{}")))
    path: Path = ("choices", 0, "message", "tool_calls")
    reply = reply_of("chat", turn, 0)
    assert joined(reply, (), [(*path, 0), (*path, 2)]) == [Remove((*path, 2)), Remove((*path, 0))]
    assert joined(reply, (), [(*path, 0), (*path, 1), (*path, 2)]) == [Remove(path)]
    legacy = reply_of("functions", Turn("", (("a", "{}"),)), 0)
    own: Path = ("choices", 0, "message", "function_call")
    assert joined(legacy, (), [own]) == [Remove(own)]
