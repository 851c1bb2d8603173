"""The mock upstream says the same to every caller, at once or at a pace."""

import json

from perf.load import PACED, PLAIN, STREAM, load
from perf.mock_upstream import EVENTS, PLAIN_BODY, STREAM_EVENTS, mock_upstream


def test_its_answers_are_well_formed() -> None:
    assert json.loads(PLAIN_BODY)["choices"][0]["message"]["role"] == "assistant"
    assert len(STREAM_EVENTS) == EVENTS + 1
    for event in STREAM_EVENTS[:EVENTS]:
        assert json.loads(event.removeprefix(b"data: "))["object"] == "chat.completion.chunk"


async def test_every_reply_over_every_connection_is_whole() -> None:
    async with mock_upstream() as port:
        for question in (PLAIN, STREAM):
            tally = await load(port, question, connections=3, requests=20)
            assert (tally.good, tally.failures) == (20, ())


async def test_a_paced_stream_takes_its_time() -> None:
    async with mock_upstream() as port:
        tally = await load(port, PACED, connections=2, requests=2)
    assert (tally.good, tally.failures) == (2, ())
    assert min(tally.totals) >= EVENTS * 0.010 * 0.95
    assert max(tally.first_bytes) < min(tally.totals) / 2
