"""Exchanges of which one line alone is there are those whose other line may be gone."""

from storage.pairs import Pairs


def taken(*lines: str) -> Pairs:
    """`+a` begins an exchange, `-a` ends it after it was sent, `!a` without that, `|` begins a life."""
    pairs = Pairs()
    for index, line in enumerate(lines):
        name = line[1:]
        if line == "|":
            pairs.begin_life()
        text = {
            "+": f'{{"event":"began","audit_id":"{name}"}}',
            "-": f'{{"event":"ended","audit_id":"{name}","attempts":[{{"status":200}}]}}',
            "!": f'{{"event":"ended","audit_id":"{name}"}}',
            "|": '{"event":"segment"}',
        }[line[0]]
        pairs.take(index, text.encode())
    return pairs


def test_whole_exchanges_and_those_that_were_never_sent_are_passed_over() -> None:
    assert taken("|", "+a", "+b", "-a", "!c", "-b").alone_around(3) == []


def test_an_exchange_that_did_not_end_is_named_from_its_beginning_to_the_end_of_its_life() -> None:
    pairs = taken("|", "+a", "+b", "-b", "|", "+c", "-c")
    assert [pairs.alone_around(index) for index in range(7)] == [[], [], ["a"], ["a"], ["a"], [], []]


def test_an_exchange_that_did_not_begin_is_named_from_the_beginning_of_its_life_to_its_end() -> None:
    pairs = taken("|", "+b", "-b", "|", "+c", "-c", "-a", "+d", "-d")
    assert [pairs.alone_around(index) for index in range(9)] == [[], [], [], [], ["a"], ["a"], ["a"], [], []]
