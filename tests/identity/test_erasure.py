"""Erasing a person: the tombstone first, then key and name, and what a kill or an old copy leaves is done later."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.office.event_log import EventLog
from identity.accepted_keys import AcceptedKeys
from identity.erasure import LONGEST_REASON, Erased, Erasure
from identity.keyring import Keyring
from storage.journal_error import JournalError
from storage.tombstones import OFFICE, Tombstone, tombstone_event
from tests.builders.journals import lines_in, opened
from tests.builders.people import keyring_of

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
ADA = "key:0123456789abcdef0123"


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    with keyring_of(tmp_path) as keyring:
        yield keyring


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = EventLog(tmp_path, "flush")
    yield log
    log.close()


@pytest.fixture
def erase(tmp_path: Path, keyring: Keyring, log: EventLog) -> Erasure:
    return Erasure(tmp_path, keyring, log.append, now=lambda: NOW)


def tombstones(data: Path) -> list[dict[str, str]]:
    if not (data / "journal" / OFFICE).is_dir():
        return []
    return [line for line in lines_in(data, OFFICE) if line["event"] == "tombstone"]


def test_a_person_is_erased_and_a_tombstone_says_by_whom_and_why(
    tmp_path: Path, keyring: Keyring, erase: Erasure
) -> None:
    pseudonym = keyring.person(ADA).pseudonym
    assert erase(ADA, "operator", "asked by letter") == Erased(True, NOW)
    assert keyring.pseudonym_of(ADA) is None
    (tombstone,) = tombstones(tmp_path)
    del tombstone["seal"]
    assert tombstone == {
        "event": "tombstone",
        "at": "2026-03-05T12:00:00Z",
        "person": pseudonym,
        "by": "operator",
        "because": "asked by letter",
    }


def test_a_pseudonym_does_as_well(keyring: Keyring, erase: Erasure) -> None:
    pseudonym = keyring.person(ADA).pseudonym
    assert erase(pseudonym, "operator").known
    assert keyring.principal_of(pseudonym) is None


def test_whoever_asks_for_themselves_is_named_by_the_pseudonym_that_goes(
    tmp_path: Path, keyring: Keyring, erase: Erasure
) -> None:
    pseudonym = keyring.person(ADA).pseudonym
    erase(ADA, None)
    assert tombstones(tmp_path)[0]["by"] == pseudonym


def test_the_reason_names_nobody(tmp_path: Path, keyring: Keyring, erase: Erasure) -> None:
    keyring.person(ADA)
    erase(ADA, "operator", f"{ADA} (ada@example.com) asked " + "for it " * 100)
    because = tombstones(tmp_path)[0]["because"]
    assert ADA not in because
    assert "ada@example.com" not in because
    assert len(because) == LONGEST_REASON


def test_nobody_of_that_name_leaves_no_tombstone(tmp_path: Path, erase: Erasure) -> None:
    assert erase(ADA, "operator") == Erased(False, NOW)
    assert tombstones(tmp_path) == []


def test_without_a_tombstone_nobody_is_erased(tmp_path: Path, keyring: Keyring, log: EventLog, erase: Erasure) -> None:
    keyring.person(ADA)
    log.close()
    with pytest.raises(JournalError):
        erase(ADA, "operator")
    assert keyring.pseudonym_of(ADA) is not None


def test_running_gateways_no_longer_know_the_key(tmp_path: Path, keyring: Keyring, erase: Erasure) -> None:
    path = tmp_path / "run" / "4711" / "accepted"
    accepted = AcceptedKeys(path)
    for principal in (ADA, "key:another", ADA + "4"):
        accepted.answered(principal, 200)
    keyring.person(ADA)
    assert erase(ADA, "operator").accepted_keys == 1
    assert ADA.encode() + b"\n" not in path.read_bytes()
    accepted.reread()
    assert [accepted.knows(each) for each in (ADA, "key:another", ADA + "4")] == [False, True, True]
    accepted.answered(ADA, 200)
    assert accepted.knows(ADA)
    accepted.close()


def test_it_says_how_many_records_it_was_about_and_tells_who_answers_for_them(
    tmp_path: Path, keyring: Keyring, log: EventLog
) -> None:
    told: list[str | None] = []
    keyring.person(ADA)
    erase = Erasure(
        tmp_path,
        keyring,
        log.append,
        exchanges_of={ADA: 7}.get,
        forget=lambda: told.append(keyring.pseudonym_of(ADA)),
    )
    assert erase(ADA, "operator").exchanges == 7
    assert told == [None]


def test_a_kill_behind_the_tombstone_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    with keyring_of(tmp_path) as keyring:
        pseudonym = keyring.person(ADA).pseudonym
    journal = opened(tmp_path, OFFICE)
    journal.append_event(tombstone_event(Tombstone(NOW, pseudonym, "operator")))
    journal.close()
    with keyring_of(tmp_path) as keyring:
        assert keyring.pseudonym_of(ADA) is None
        assert keyring.shown(pseudonym) == "erased"
    assert ADA.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())


def test_an_older_copy_of_the_keyring_is_put_right_by_newer_tombstones(
    tmp_path: Path, keyring: Keyring, erase: Erasure
) -> None:
    pseudonym = keyring.person(ADA).pseudonym
    bob = keyring.person("key:bob").pseudonym
    keyring.close()
    file, copy = tmp_path / "keys" / "people.db", tmp_path / "copy.db"
    shutil.copy(file, copy)
    keyring.open()
    erase(ADA, "operator")
    after = keyring.person(ADA).pseudonym
    keyring.close()
    shutil.copy(copy, file)
    with sqlite3.connect(file) as restored:
        assert restored.execute("SELECT pseudonym FROM people WHERE principal = ?", (ADA,)).fetchone() == (pseudonym,)
    restored.close()
    keyring.open()
    assert keyring.principal_of(pseudonym) is None
    assert keyring.pseudonym_of("key:bob") == bob
    assert keyring.person(ADA).pseudonym not in (pseudonym, after)


def test_the_tombstones_of_closed_segments_are_read_once(tmp_path: Path, keyring: Keyring, erase: Erasure) -> None:
    keyring.person(ADA)
    erase(ADA, "operator")
    keyring.close()
    keyring.open()
    folder = tmp_path / "journal" / OFFICE
    (folder / "00000002.jsonl").write_bytes(b"")
    keyring.close()
    keyring.open()
    # What cannot be read is not read again.
    (folder / "00000001.jsonl").unlink()
    (folder / "00000001.jsonl").mkdir()
    keyring.close()
    keyring.open()
