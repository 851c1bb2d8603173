"""How many tokens an exchange took: reported, counted, or estimated."""

from pathlib import Path

import pytest

from gateway import Usage
from gateway.exchange import Reply
from gateway.testing import a_reply, a_streamed_reply, an_exchange, plugin_kit, started
from plugins.usage import BYTES_PER_TOKEN, UsageCount

TOKENS = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def counting(folder: Path, up_to: int = 32_768) -> UsageCount:
    plugin = UsageCount(UsageCount.Settings(count_up_to=up_to))
    plugin.startup(started(folder))
    return plugin


def test_what_the_upstream_reports_counts(tmp_path: Path) -> None:
    exchange = an_exchange(reply=a_reply({"choices": [], "usage": TOKENS}))
    assert counting(tmp_path).account(exchange) == Usage(11, 7)


def test_a_reply_without_a_report_is_counted_and_says_so(tmp_path: Path) -> None:
    usage = counting(tmp_path).account(an_exchange("Hello world", reply=a_reply("Hello to you too, world")))
    assert usage is not None
    assert (usage.output_tokens, usage.estimated) == (6, True)
    assert usage.input_tokens >= 2


def test_a_stream_without_a_report_is_counted_as_far_as_it_came(tmp_path: Path) -> None:
    events = b'data: {"choices":[{"index":0,"delta":{"content":"Hello world"}}]}\n\n'
    whole = counting(tmp_path).account(an_exchange("Hi", stream=True, reply=a_streamed_reply(events * 2)))
    cut = counting(tmp_path).account(an_exchange("Hi", stream=True, reply=a_streamed_reply(events, whole=False)))
    assert whole is not None and cut is not None
    assert (cut.output_tokens, cut.estimated) == (2, True)
    assert whole.output_tokens > cut.output_tokens


def test_a_stream_with_a_report_is_not_counted(tmp_path: Path) -> None:
    events = b'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}\n\ndata: [DONE]\n\n'
    assert counting(tmp_path).account(an_exchange(stream=True, reply=a_streamed_reply(events))) == Usage(11, 7)


@pytest.mark.parametrize("text", ["a" * 1000, "好" * 1000])
def test_a_long_text_is_estimated_by_its_bytes(tmp_path: Path, text: str) -> None:
    usage = counting(tmp_path, up_to=100).account(an_exchange("Hi", reply=a_reply(text)))
    assert usage is not None
    assert usage.output_tokens == len(text.encode()) // BYTES_PER_TOKEN


def test_the_bound_of_what_is_counted_is_one_of_bytes(tmp_path: Path) -> None:
    text = "好" * 60
    usage = counting(tmp_path, up_to=100).account(an_exchange("Hi", reply=a_reply(text)))
    assert usage is not None
    assert usage.output_tokens == 180 // BYTES_PER_TOKEN


def test_a_text_that_is_no_unicode_is_counted_all_the_same(tmp_path: Path) -> None:
    body = b'{"messages":[{"role":"user","content":"\\ud800 broken"}]}'
    usage = counting(tmp_path).account(an_exchange(body, reply=a_reply("Hello")))
    assert usage is not None
    assert usage.input_tokens >= 2


@pytest.mark.parametrize(
    "reply",
    [
        None,
        a_reply({"error": {"message": "no"}}, status=429),
        Reply(200, (), None, bytes.decode, streamed=True),
    ],
    ids=["no reply", "an error", "a reply that streamed through unread"],
)
def test_where_nothing_was_read_nothing_is_counted(tmp_path: Path, reply: Reply | None) -> None:
    assert counting(tmp_path).account(an_exchange(reply=reply)) is None


def test_it_behaves(tmp_path: Path) -> None:
    plugin_kit(counting(tmp_path)).check()


def test_the_usage_that_a_stream_reports_is_found_at_its_end_however_long_it_is(tmp_path: Path) -> None:
    text = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"data: word "}}]}\n\n' * 5_000
    end = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5000}}\n\ndata: [DONE]\n\n'
    usage = counting(tmp_path).account(an_exchange(stream=True, reply=a_streamed_reply(text + end)))
    assert usage == Usage(7, 5000)


def test_a_long_stream_without_usage_is_estimated_by_its_events(tmp_path: Path) -> None:
    text = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n' * 5_000
    usage = counting(tmp_path).account(an_exchange(stream=True, reply=a_streamed_reply(text + b"data: [DONE]\n\n")))
    assert usage is not None
    assert (usage.output_tokens, usage.estimated) == (5001, True)
