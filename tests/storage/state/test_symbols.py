"""Symbols: sealed for each person, counted for all together."""

from datetime import UTC, datetime

from storage.state.records import Symbols
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_last_symbols_of_a_person_are_kept(state: State) -> None:
    state.symbols.put(Symbols("p-ada", b"\x00first", False, NOW))
    state.symbols.put(Symbols("p-ada", b"\x00second\xff", True, NOW))
    assert state.symbols.of("p-ada") == Symbols("p-ada", b"\x00second\xff", True, NOW)
    assert state.symbols.of("p-bob") is None


def test_symbols_can_be_taken_away(state: State) -> None:
    state.symbols.put(Symbols("p-ada", b"sealed", True, NOW))
    assert state.symbols.remove("p-ada")
    assert not state.symbols.remove("p-ada")
    assert state.symbols.of("p-ada") is None


def test_people_are_counted_for_each_intent(state: State) -> None:
    state.symbols.count(["affirm", "soften"], [])
    state.symbols.count(["affirm"], ["soften"])
    assert state.symbols.counts() == {"affirm": 2, "soften": 0}


def test_who_has_symbols_is_known_by_their_last_change(state: State) -> None:
    for number, person in enumerate(("p-ada", "p-bob", "p-cleo")):
        state.symbols.put(Symbols(person, b"sealed", True, NOW.replace(microsecond=number)))
    first = state.symbols.stamps(9)["p-ada"]
    assert state.symbols.stamps(2) == {"p-cleo": first + 2, "p-bob": first + 1}
