"""Personal symbols: their owner's alone, sealed, and counted only where many have them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.office.feedback.symbols import FEWEST_PEOPLE, PersonalSymbols
from gateway.testing import a_caller
from identity.keyring import Keyring
from identity.symbols import Symbol, SymbolsSent
from policies.intents import INTENTS
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from tests.builders.people import keyring_of
from tests.gateway.office.feedback.conftest import Asked

SENT = {"consent": True, "symbols": [{"symbol": "🙂", "intent": "affirm", "vector": [0.5, -1.0]}]}


async def test_symbols_are_kept_shown_and_taken_away(asked: Asked) -> None:
    nothing = {"consent": False, "symbols": [], "people": dict.fromkeys(INTENTS)}
    assert (await asked("GET", "/feedback/symbols")).json() == nothing
    put = (await asked("PUT", "/feedback/symbols", "lk-ada", SENT)).json()
    assert put == {**SENT, "people": dict.fromkeys(INTENTS)}
    assert (await asked("GET", "/feedback/symbols")).json() == put
    assert (await asked("GET", "/feedback/symbols", "lk-bob")).json() == nothing
    assert (await asked("DELETE", "/feedback/symbols")).json() == {"removed": True}
    assert (await asked("DELETE", "/feedback/symbols")).json() == {"removed": False}
    assert (await asked("GET", "/feedback/symbols")).json() == nothing


WRONG: tuple[Any, ...] = (
    {},
    {"symbols": []},
    {"consent": "perhaps", "symbols": []},
    {"consent": True, "symbols": [{"symbol": "x", "intent": "hug"}]},
    {"consent": True, "symbols": [{"symbol": "", "intent": "affirm"}]},
    {"consent": True, "symbols": [{"symbol": "x" * 33, "intent": "affirm"}]},
    {"consent": True, "symbols": [{"symbol": "x", "intent": "affirm", "vector": [2]}]},
    {"consent": True, "symbols": [{"symbol": "x", "intent": "affirm", "vector": [0] * 17}]},
    {"consent": True, "symbols": [{"symbol": f"{number}", "intent": "affirm"} for number in range(65)]},
    {"consent": True, "symbols": [{"symbol": "x", "intent": "affirm"}, {"symbol": "x", "intent": "reject"}]},
)


async def test_symbols_that_cannot_be_are_422(asked: Asked) -> None:
    for body in WRONG:
        reply = await asked("PUT", "/feedback/symbols", "lk-ada", body)
        assert (reply.status_code, reply.json()["error"]["type"]) == (422, "invalid_request_error"), body
    assert (await asked("GET", "/feedback/symbols")).json()["symbols"] == []


async def test_no_symbol_stands_in_the_clear_anywhere(asked: Asked) -> None:
    secret = {"consent": True, "symbols": [{"symbol": "my secret gesture", "intent": "ground"}]}
    assert (await asked("PUT", "/feedback/symbols", "lk-ada", secret)).status_code == 200
    assert (await asked("GET", "/feedback/symbols")).json()["symbols"][0]["symbol"] == "my secret gesture"
    kept = b"".join(path.read_bytes() for path in asked.data.rglob("*") if path.is_file())
    assert b"my secret gesture" not in kept


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    with keyring_of(tmp_path) as keyring:
        yield keyring


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    yield state
    state.close()


def sent(*intents: Any) -> SymbolsSent:
    return SymbolsSent(True, [Symbol(f"{intent} sign", intent) for intent in intents])


def test_counts_are_told_from_ten_people_on(keyring: Keyring, state: State) -> None:
    symbols = PersonalSymbols(state, keyring)
    callers = [a_caller(principal=f"key:{number}") for number in range(FEWEST_PEOPLE)]
    for caller in callers[:-1]:
        symbols.put(caller, sent("affirm", "soften"))
        symbols.put(caller, sent("affirm"))
    assert symbols.of(callers[0]).people["affirm"] is None
    shown = symbols.put(callers[-1], sent("affirm"))
    assert shown.people["affirm"] == FEWEST_PEOPLE
    assert shown.people["soften"] is None
    assert state.symbols.counts()["soften"] == 0
    symbols.remove(callers[0])
    assert symbols.of(callers[1]).people["affirm"] is None
