"""So much may be under way on one websocket, and what an upstream begins by itself goes first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.websocket.errand import Errand, Handshake
from gateway.websocket.under_way import MOST_BYTES, MOST_ERRANDS, begun, refusal_of_more
from tests.builders.conversations import HEADERS, Conversing


@pytest.fixture
def conversing(tmp_path: Path) -> Iterator[Conversing]:
    conversing = Conversing(tmp_path, "responses")
    yield conversing
    conversing.close()


@pytest.fixture
def handshake(conversing: Conversing) -> Handshake:
    return Handshake(conversing.passages.pipeline, conversing.exchange, conversing.target, HEADERS)


def of_size(handshake: Handshake, size: int) -> Errand:
    return Errand(handshake, bytes(size), {})


def unasked(handshake: Handshake) -> Errand:
    return Errand(handshake, None, {})


def code_of_more(errands: list[Errand], one_more: Errand) -> str | None:
    refusal = refusal_of_more(errands, one_more)
    return None if refusal is None else refusal.code


def test_so_many_may_be_under_way_and_replies_that_nobody_asked_for_do_not_count(handshake: Handshake) -> None:
    own = [unasked(handshake) for _ in range(MOST_ERRANDS)]
    under_way = [of_size(handshake, 2) for _ in range(MOST_ERRANDS - 1)]
    assert code_of_more([*own, *under_way], of_size(handshake, 2)) is None
    under_way.append(of_size(handshake, 0))
    assert code_of_more(under_way, of_size(handshake, 2)) == "too_many_responses"


def test_so_many_bytes_may_be_asked_together_and_one_alone_may_have_more(handshake: Handshake) -> None:
    half = MOST_BYTES // 2
    assert code_of_more([], of_size(handshake, MOST_BYTES + 1)) is None
    assert code_of_more([of_size(handshake, half)], of_size(handshake, half)) is None
    assert code_of_more([of_size(handshake, half)], of_size(handshake, half + 1)) == "too_much_under_way"


def test_where_an_upstream_begins_without_end_the_oldest_that_nobody_asked_for_is_cut(
    conversing: Conversing, handshake: Handshake
) -> None:
    asked, own = of_size(handshake, 2), [unasked(handshake) for _ in range(MOST_ERRANDS)]
    active: dict[str, Errand] = {}
    for at, errand in enumerate((asked, *own)):
        begun(active, str(at), errand)
    assert list(active) == ["0", *(str(at) for at in range(2, MOST_ERRANDS + 1))]
    assert [(each.id, each.outcome) for each in conversing.ended] == [(own[0].exchange.id, "cut")]


def test_the_one_that_begins_is_not_cut_for_those_that_were_asked_for(
    conversing: Conversing, handshake: Handshake
) -> None:
    asked = [of_size(handshake, 2) for _ in range(MOST_ERRANDS)]
    active: dict[str, Errand] = {}
    for at, errand in enumerate((*asked, unasked(handshake))):
        begun(active, str(at), errand)
    assert (len(active), "0" in active, str(MOST_ERRANDS) in active) == (MOST_ERRANDS, False, True)


def test_what_was_answered_under_the_same_key_is_cut(conversing: Conversing, handshake: Handshake) -> None:
    before, after = of_size(handshake, 2), of_size(handshake, 2)
    active: dict[str, Errand] = {}
    begun(active, "a", before)
    begun(active, "a", after)
    assert active == {"a": after}
    assert [(each.id, each.outcome) for each in conversing.ended] == [(before.exchange.id, "cut")]
