"""Erasing a person reaches every table, and the bytes of the file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Table, select

from storage.state.people import ERASED
from storage.state.records import Card, Document, FlagOverride, KeptResult, Symbols, Task, Tightening
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.tables import METADATA

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA, BOB = "p-0a0a0a0a0a0a0a0a0a0a", "p-0b0b0b0b0b0b0b0b0b0b"
IMPERSONAL = {"intent_counts"}
"""Sums over many people, in which nobody stands."""


def lived(state: State, person: str, number: int) -> None:
    """Leaves a row of this person in every table."""
    state.cards.meet(person, NOW)
    state.cards.put(Card(person, "A-1", NOW, 5, f"a note of {person}"))
    state.feedback_tables.put(person, 0.5, NOW)
    state.locks.put(person, NOW, "x")
    state.locks.put(f"p-locked-{number}", NOW, "x")
    state.locks.release(f"p-locked-{number}", NOW, person)
    state.flag_overrides.put(FlagOverride(f"FLAG_{number}", "on", NOW, person))
    state.symbols.put(Symbols(person, b"sealed", True, NOW))
    state.symbols.count(["affirm"], [])
    state.tasks.add(Task(f"t-{number}", person, NOW, b"sealed", NOW))
    state.tightenings.add(Tightening(f"t-{number}", person, "*", "A-1", "x", NOW, NOW + timedelta(hours=1)))
    everybody = Tightening(f"t-all-{number}", None, "*", "A-1", "x", NOW, NOW + timedelta(hours=1))
    state.tightenings.add(everybody)
    state.tightenings.release(everybody.id, NOW, person)
    state.documents.add(Document("d-1", person, "a name", NOW), "words", b"k" * 32, bytes(24))
    state.kept_results.put(KeptResult(person, "call_1", "A-1", b"sealed", NOW + timedelta(hours=1)))


def values(state: State, table: Table) -> set[object]:
    with state.database.reading() as connection:
        rows = connection.execute(select(table)).all()
    return {value for row in rows for value in row if isinstance(value, str)}


def test_nothing_in_any_table_says_the_name_of_one_who_was_erased(state: State) -> None:
    lived(state, ADA, 1)
    lived(state, BOB, 2)
    for table in METADATA.sorted_tables:
        if table.name not in IMPERSONAL:
            assert {ADA, BOB} <= values(state, table), f"the test leaves nothing in {table.name}"
    assert state.erase(ADA) == 13
    for table in METADATA.sorted_tables:
        found = values(state, table)
        assert not any(ADA in str(value) for value in found), f"{table.name} still names them"
        assert table.name in IMPERSONAL or BOB in found


def test_what_the_erased_did_for_others_stays(state: State) -> None:
    lived(state, ADA, 1)
    state.erase(ADA)
    assert [override.by for override in state.flag_overrides.every()] == [ERASED]
    lock = state.locks.of("p-locked-1")
    assert lock is not None
    assert (lock.released, lock.released_by) == (NOW, ERASED)


def test_those_who_left_nothing_are_erased_without_ado(state: State) -> None:
    lived(state, BOB, 1)
    assert state.erase() == 0
    assert state.erase(ADA) == 0
    assert state.erase(*(f"p-{number}" for number in range(1200))) == 0


def test_the_bytes_of_the_file_forget_them_too(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    for number in range(40):
        state.cards.put(Card(ADA, f"A-{number}", NOW, 5, f"a secret of Ada, number {number} " + "x" * 500))
    assert state.erase(ADA) == 40
    assert state.scrub()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    state.close()
    assert ADA.encode() not in kept
    assert b"a secret of Ada" not in kept


def test_what_a_reader_holds_open_is_scrubbed_later(tmp_path: Path) -> None:
    state, other = State(tmp_path), State(tmp_path)
    state.database.busy_seconds = 0.1
    state.open(brought_up_to_date)
    other.open()
    state.cards.put(Card(ADA, "A-1", NOW, 5))
    with other.database.reading() as connection:
        connection.execute(select(METADATA.tables["cards"])).all()
        state.erase(ADA)
        assert not state.scrub()
    assert state.scrub()
    state.close()
    other.close()
