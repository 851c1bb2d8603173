"""Keeping bodies: whose, which, and under which key."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from gateway import Exchange, Refusal
from gateway.bodies import Bodies
from gateway.testing import a_caller, a_reply, an_exchange
from identity.keyring import Person
from storage.bodies import BodyEvent, opened_body
from storage.journal_error import JournalError
from tests.builders.journals import lines_in, opened

SECRET = "The seagulls know where the treasure lies."


ADA = Person("p-ada", bytes(range(32)))


def keeping(data: Path, which: Literal["refused", "all"] = "all") -> Bodies:
    return Bodies(opened(data, "worker-0-bodies"), which, 64 << 10)


def an_answered_exchange(**members: Any) -> Exchange:
    return an_exchange(SECRET, reply=a_reply("Ask them."), **members)


def kept(data: Path) -> list[BodyEvent]:
    return [msgspec.convert(line, BodyEvent) for line in lines_in(data, "worker-0-bodies") if line["event"] == "body"]


def test_bodies_are_kept_for_their_caller_to_open(tmp_path: Path) -> None:
    exchange = an_answered_exchange(caller=a_caller(principal="key:ada"))
    keeping(tmp_path).keep(exchange, ADA)
    (event,) = kept(tmp_path)
    assert (event.audit_id, event.caller) == (exchange.id, ADA.pseudonym)
    parts = msgspec.json.decode(opened_body(event, ADA.key))
    assert parts["request"]["json"]["messages"][0]["content"] == SECRET
    assert parts["reply"]["json"]["choices"][0]["message"]["content"] == "Ask them."


def test_the_line_names_nobody_and_tells_nothing(tmp_path: Path) -> None:
    bodies = keeping(tmp_path)
    bodies.keep(an_answered_exchange(caller=a_caller(principal="key:ada")), ADA)
    line = bodies.journal.path.read_bytes()
    assert b"key:ada" not in line and b"seagulls" not in line


def test_the_same_words_never_look_the_same(tmp_path: Path) -> None:
    bodies, exchange = keeping(tmp_path), an_answered_exchange()
    bodies.keep(exchange, ADA)
    bodies.keep(exchange, ADA)
    first, second = kept(tmp_path)
    assert first.sealed[:16] != second.sealed[:16]


def test_where_there_is_no_body_nothing_is_kept(tmp_path: Path) -> None:
    keeping(tmp_path).keep(an_exchange(b"", path="/v1/models", method="GET"), ADA)
    assert kept(tmp_path) == []


def test_where_only_refused_ones_are_kept_an_answer_and_an_upstreams_trouble_are_not(
    tmp_path: Path,
) -> None:
    bodies = keeping(tmp_path, "refused")
    answered, refused, broken = an_answered_exchange(), an_answered_exchange(), an_answered_exchange()
    refused.refusal = broken.refusal = Refusal("no")
    broken.error = "ConnectError"
    for exchange in (answered, refused, broken):
        bodies.keep(exchange, ADA)
    assert [event.audit_id for event in kept(tmp_path)] == [refused.id]


def test_a_journal_that_takes_nothing_is_told(tmp_path: Path) -> None:
    bodies = keeping(tmp_path)
    bodies.journal.close()
    with pytest.raises(JournalError):
        bodies.keep(an_answered_exchange(), ADA)


LONG = "A word of many. " * 6000


async def test_long_ones_are_made_ready_while_the_loop_goes_on_and_are_kept_whole(tmp_path: Path) -> None:
    bodies, exchange = keeping(tmp_path), an_exchange(LONG, reply=a_reply(LONG))
    assert bodies.takes_long(exchange)
    making = asyncio.ensure_future(bodies.make(exchange))
    turns = 0
    while not making.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 3
    exchange.asked = exchange.request = an_exchange("something else").request
    bodies.keep(exchange, ADA)
    assert len(said_in(tmp_path)) > 60_000


def test_of_long_ones_that_nobody_made_ready_the_beginning_is_kept_at_once(tmp_path: Path) -> None:
    keeping(tmp_path).keep(an_exchange(LONG, reply=a_reply(LONG)), ADA)
    assert 3000 < len(said_in(tmp_path)) < 5000


async def test_what_was_made_ready_is_forgotten_when_it_is_dropped(tmp_path: Path) -> None:
    bodies, exchange = keeping(tmp_path), an_exchange(LONG, reply=a_reply(LONG))
    await bodies.make(exchange)
    bodies.drop(exchange)
    bodies.keep(exchange, ADA)
    assert len(said_in(tmp_path)) < 5000


def test_short_ones_and_those_that_are_not_kept_take_no_long_time(tmp_path: Path) -> None:
    assert not keeping(tmp_path / "all").takes_long(an_answered_exchange())
    assert not keeping(tmp_path / "refused", "refused").takes_long(an_exchange(LONG, reply=a_reply(LONG)))


def said_in(data: Path) -> str:
    """What the client said in the one exchange whose bodies are kept."""
    (event,) = kept(data)
    parts = msgspec.json.decode(opened_body(event, ADA.key))
    content: str = parts["request"]["json"]["messages"][0]["content"]
    return content
