"""What a plugin may ask about an exchange, in any wire format."""

import pytest

from gateway import Usage, input_text, output_text, reported_usage
from gateway.testing import a_reply, an_exchange

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_texts_are_those_of_the_wire_format(path: str) -> None:
    exchange = an_exchange("What is up?", path=path, reply=a_reply("Not much.", path=path))
    assert "What is up?" in input_text(exchange)
    assert output_text(exchange) == "Not much."


@pytest.mark.parametrize(
    ("path", "members"),
    [
        (CHAT, {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}),
        (RESPONSES, {"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}),
    ],
)
def test_the_reported_usage_is_that_of_the_reply(path: str, members: dict[str, object]) -> None:
    exchange = an_exchange(path=path, reply=a_reply({"usage": members}))
    assert reported_usage(exchange) == Usage(3, 4, cached_tokens=2)


def test_without_a_reply_there_is_nothing_to_read() -> None:
    exchange = an_exchange("Hi")
    assert (reported_usage(exchange), output_text(exchange)) == (None, "")


def test_a_reply_that_is_no_json_reports_nothing() -> None:
    exchange = an_exchange("Hi", path="/v1/audio/speech", reply=a_reply({}))
    assert (reported_usage(exchange), output_text(exchange)) == (None, "")
