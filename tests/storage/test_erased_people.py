"""Verifying a journal with people in it: erasures are notes, and what was done without a tombstone is a fault."""

import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.office.event_log import EventLog
from identity.erasure import Erasure
from storage.erased_people import pseudonym_in
from storage.report import Report
from storage.retention import Removed, retention_event
from storage.tombstones import OFFICE
from storage.verify import verify
from tests.builders.journals import SMALL, audit_id, opened
from tests.builders.people import keyring_of

# Later than the segment of the office begins, whenever this runs.
NOW = datetime(2099, 3, 5, 12, tzinfo=UTC)


def written(data: Path) -> dict[str, str]:
    """Exchanges of Ada, Bob and Cid, of whom Ada was erased by the operator and Bob by himself; gives pseudonyms."""
    with keyring_of(data) as keyring:
        people = {name: keyring.person(f"key:{name}-0123456789").pseudonym for name in ("ada", "bob", "cid")}
        journal = opened(data, limits=SMALL)
        for number in range(9):
            journal.append_event(line(number, people[("ada", "bob", "cid")[number % 3]]))
        journal.close()
        log = EventLog(data, "flush")
        erase = Erasure(data, keyring, log.append, now=lambda: NOW)
        erase("key:ada-0123456789", "operator", "asked by letter")
        erase("key:bob-0123456789", None)
        log.close()
    return people


def line(number: int, caller: str) -> bytes:
    return b'{"event":"ended","audit_id":"%b","caller":"%b","n":%d}' % (
        audit_id(number).encode(),
        caller.encode(),
        number,
    )


def said(report: Report) -> list[tuple[str, str, int, str]]:
    return [(fault.kind, fault.writer, fault.segment, fault.says) for fault in report.faults]


def change(path: Path, edit: Callable[[list[bytes]], object]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    edit(lines)
    path.write_bytes(b"".join(lines))


def in_keyring(data: Path, sql: str, *parameters: str) -> None:
    """What somebody does to the keyring by hand."""
    connection = sqlite3.connect(data / "keys" / "people.db")
    with connection:
        connection.execute(sql, parameters)
    connection.close()


def test_people_who_were_erased_are_notes(tmp_path: Path) -> None:
    people = written(tmp_path)
    report = verify(tmp_path)
    assert report.faults == ()
    assert [(note.kind, note.writer, note.segment, note.says) for note in report.notes] == [
        ("erased", OFFICE, 1, f"{people['ada']} was erased on 2099-03-05 by operator: asked by letter"),
        ("erased", OFFICE, 1, f"{people['bob']} was erased on 2099-03-05 by themselves"),
    ]


@pytest.mark.parametrize("number", range(9))
def test_a_changed_line_of_anybody_is_named_as_before(tmp_path: Path, number: int) -> None:
    written(tmp_path)
    path = tmp_path / "journal" / "worker-0" / "00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"n":%d,' % number, b'"n":9%d,' % number))
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.audit_id) == ("changed", audit_id(number))


def test_a_line_that_was_put_under_another_pseudonym_is_changed_and_nothing_else(tmp_path: Path) -> None:
    people = written(tmp_path)
    path = tmp_path / "journal" / "worker-0" / "00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(people["cid"].encode(), b"p-00000000000000000000", 1))
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.audit_id) == ("changed", audit_id(2))


def test_a_tombstone_that_was_dropped_is_missed_twice(tmp_path: Path) -> None:
    people = written(tmp_path)
    change(tmp_path / "journal" / OFFICE / "00000001.jsonl", lambda lines: lines.pop(1))
    faults = said(verify(tmp_path))
    assert ("dropped", OFFICE, 1) in [fault[:3] for fault in faults]
    says = f"{people['ada']} was erased on 2099-03-05, and no tombstone says by whose authority"
    assert ("erased", OFFICE, 1, says) in faults


def test_one_who_was_erased_without_a_tombstone_is_a_fault(tmp_path: Path) -> None:
    people = written(tmp_path)
    with keyring_of(tmp_path) as keyring:
        keyring.erase("key:cid-0123456789")
    ((kind, writer, _, says),) = said(verify(tmp_path))
    assert (kind, writer) == ("erased", OFFICE)
    assert says.startswith(f"{people['cid']} was erased on ")


def test_one_who_was_taken_out_of_the_keyring_by_hand_is_a_fault(tmp_path: Path) -> None:
    people = written(tmp_path)
    in_keyring(tmp_path, "DELETE FROM people WHERE pseudonym = ?", people["cid"])
    (fault,) = verify(tmp_path).faults
    assert (fault.kind, fault.writer, fault.segment, fault.line) == ("erased", "worker-0", 1, 4)
    assert fault.says == f"{people['cid']} is in no keyring, and no tombstone says why"


def test_one_whose_name_was_put_back_is_a_fault_until_the_next_start(tmp_path: Path) -> None:
    people = written(tmp_path)
    in_keyring(tmp_path, "INSERT INTO people (principal, pseudonym, key) VALUES ('key:ada', ?, x'00')", people["ada"])
    ((kind, _, _, says),) = said(verify(tmp_path))
    assert kind == "erased"
    assert says == f"{people['ada']} was erased, and stands in the keyring again; the next start erases them"
    with keyring_of(tmp_path) as keyring:
        assert keyring.principal_of(people["ada"]) is None
    assert verify(tmp_path).faults == ()


def test_many_who_are_missing_are_one_fault_of_each_writer(tmp_path: Path) -> None:
    written(tmp_path)
    another = tmp_path / "another"
    with keyring_of(another):
        pass
    shutil.rmtree(tmp_path / "keys")
    shutil.copytree(another / "keys", tmp_path / "keys")
    with keyring_of(tmp_path):
        (fault,) = verify(tmp_path).faults
    assert "is in no keyring" in fault.says
    shutil.rmtree(tmp_path / "keys")
    shutil.copytree(another / "keys", tmp_path / "keys")
    shutil.rmtree(tmp_path / "journal" / OFFICE)
    with keyring_of(tmp_path):
        (fault,) = verify(tmp_path).faults
    assert "and 2 others are in no keyring" in fault.says


def test_without_a_keyring_it_is_said_that_nobody_looked(tmp_path: Path) -> None:
    written(tmp_path)
    for path in (tmp_path / "keys").glob("people.db*"):
        path.unlink()
    report = verify(tmp_path)
    assert report.faults == ()
    assert [note.kind for note in report.notes] == ["unnamed"]
    assert not (tmp_path / "keys" / "people.db").exists()


def test_a_keyring_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "keys" / "people.db").write_bytes(b"no database" * 1000)
    (note,) = verify(tmp_path).notes
    assert note.kind == "unnamed"
    assert "cannot be read" in note.says


def test_a_tombstone_that_the_retention_took_away_is_not_missed(tmp_path: Path) -> None:
    written(tmp_path)
    office = opened(tmp_path, OFFICE, clock=lambda: NOW.timestamp() + 86400 * 40)
    office.append_event(retention_event((Removed(OFFICE, 1),), NOW))
    office.close()
    (tmp_path / "journal" / OFFICE / "00000001.jsonl").unlink()
    report = verify(tmp_path)
    assert report.faults == ()
    assert [note.kind for note in report.notes] == ["expired"]


def test_erasing_while_it_is_verified_is_no_fault(tmp_path: Path) -> None:
    people = written(tmp_path)
    with keyring_of(tmp_path) as keyring:
        log = EventLog(tmp_path, "flush")
        erase = Erasure(tmp_path, keyring, log.append, now=lambda: NOW)
        report = verify(tmp_path, progress=once(lambda: erase("key:cid-0123456789", None)))
        log.close()
        assert keyring.principal_of(people["cid"]) is None
    assert report.faults == ()


def once(work: Callable[[], object]) -> Callable[[int], None]:
    left = [work]

    def progress(_: int) -> None:
        if left:
            left.pop()()

    return progress


@pytest.mark.parametrize(
    ("text", "person"),
    [
        (b'{"event":"ended","caller":"p-0123456789abcdef0123","n":1}', "p-0123456789abcdef0123"),
        (b'{"event":"ended","caller":"key:mine","bundle":{"caller":"p-"}}', 'p-"}}'),
        (b'{"event":"ended","caller":null}', None),
        (b"", None),
    ],
    ids=["pseudonym", "of_another_journal", "nobody", "nothing"],
)
def test_the_caller_of_a_line(text: bytes, person: str | None) -> None:
    assert pseudonym_in(text) == person
