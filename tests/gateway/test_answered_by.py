"""What a reply says of who answered it, in every shape that a reply has."""

from typing import Any

import pytest

from gateway import Exchange
from gateway.answered_by import AnsweredBy, answered_by
from gateway.exchange import Reply
from gateway.testing import a_reply, a_streamed_reply, an_exchange

CHUNK = b'data: {"model":"gpt-4o-2024","service_tier":"flex","choices":[]}\n\n'
DONE = b"data: [DONE]\n\n"
COMPLETED = b'data: {"type":"response.completed","response":{"model":"o3","service_tier":"flex"}}\n\n'


def an_answered(reply: Reply | None, **members: Any) -> Exchange:
    return an_exchange({"model": "gpt-4o", "messages": [], **members}, reply=reply)


@pytest.mark.parametrize(
    ("reply", "by"),
    [
        (a_reply({"model": "gpt-4o-2024", "service_tier": "priority"}), AnsweredBy("gpt-4o-2024", "priority")),
        (a_reply({"model": "gpt-4o-2024", "service_tier": None}), AnsweredBy("gpt-4o-2024")),
        (a_streamed_reply(CHUNK + DONE), AnsweredBy("gpt-4o-2024", "flex")),
        (a_streamed_reply(CHUNK, whole=False), AnsweredBy("gpt-4o-2024", "flex")),
        (a_streamed_reply(COMPLETED, path="/v1/responses"), AnsweredBy("o3", "flex")),
        (a_reply({"model": 5, "service_tier": ["x"]}), AnsweredBy()),
        (a_reply({"choices": []}), AnsweredBy()),
        (a_streamed_reply(b"data: nothing\n\n"), AnsweredBy()),
        (None, AnsweredBy()),
    ],
    ids=range(9),
)
def test_it_is_what_the_reply_names(reply: Reply | None, by: AnsweredBy) -> None:
    assert answered_by(an_answered(reply)) == by


def test_where_the_reply_names_no_tier_it_is_the_one_that_was_asked_for() -> None:
    assert answered_by(an_answered(a_reply({"model": "o3"}), service_tier="flex")) == AnsweredBy("o3", "flex")
    named = a_reply({"model": "o3", "service_tier": "default"})
    assert answered_by(an_answered(named, service_tier="auto")) == AnsweredBy("o3", "default")


def test_a_long_name_is_cut() -> None:
    assert answered_by(an_answered(a_reply({"model": "m" * 500}))).model == "m" * 200
