"""Seats are counted, shared between those who want them, and given back."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import Received
from gateway.seats import OVERLOADED, SHARE_OF_FREE, TOO_MANY_AT_ONCE, Seats, holder_of


def taken(seats: Seats, holder: bytes | str) -> int:
    """Takes seats until there is none for this holder; gives their number."""
    count = 0
    while seats.take(holder) is None:
        count += 1
    return count


def test_one_that_is_alone_gets_nearly_all_and_leaves_some() -> None:
    seats = Seats(4096)
    assert taken(seats, b"one") == 3641
    assert seats.take(b"one") is TOO_MANY_AT_ONCE
    assert seats.take(b"two") is None


def test_a_flood_of_one_does_not_keep_the_others_out() -> None:
    seats = Seats(900)
    taken(seats, b"flood")
    assert taken(seats, b"second") == 89
    for _ in range(300):
        seats.give_back(b"flood")
    assert taken(seats, b"second") == 267
    assert seats.take(b"flood") is TOO_MANY_AT_ONCE


def test_all_seats_are_taken_in_the_end() -> None:
    seats = Seats(100)
    holders = [b"%d" % number for number in range(101)]
    refusals = [seats.take(holder) for holder in holders]
    assert refusals == [None] * 100 + [OVERLOADED]


def test_a_single_seat_is_one() -> None:
    seats = Seats(1)
    assert seats.take(b"one") is None
    assert seats.take(b"two") is OVERLOADED


@given(st.integers(1, 50), st.lists(st.tuples(st.booleans(), st.sampled_from([b"a", b"b", "127.0.0.1"])), max_size=200))
def test_whatever_is_taken_and_given_back_the_count_is_right(most: int, wishes: list[tuple[bool, bytes | str]]) -> None:
    seats, held = Seats(most), {b"a": 0, b"b": 0, "127.0.0.1": 0}
    for takes, holder in wishes:
        free = most - seats.open
        if takes:
            refusal = seats.take(holder)
            assert (refusal is None) == (held[holder] < SHARE_OF_FREE * free)
            held[holder] += refusal is None
        elif held[holder]:
            seats.give_back(holder)
            held[holder] -= 1
        assert seats.open == sum(held.values()) <= most


def test_a_seat_belongs_to_the_credential_else_to_the_address() -> None:
    key = (b"authorization", b"Bearer lk-one")
    assert holder_of(Received(b"GET", b"/v1/models", (key,), "10.0.0.1")) == b"lk-one"
    assert holder_of(Received(b"GET", b"/v1/models", (), "10.0.0.1")) == "10.0.0.1"
    assert holder_of(Received(b"GET", b"/v1/models", (key, key), "10.0.0.1")) == "10.0.0.1"
