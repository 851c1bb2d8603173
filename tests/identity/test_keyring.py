"""Who is who: one random pseudonym and key for each principal, the same in every process, and nothing after erasing."""

import hmac
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.office.event_log import EventLog
from identity.erasure import Erasure
from identity.keyring import KEY_BYTES, Keyring, Person
from storage.people import KeyringError
from tests.builders.people import keyring_of
from tests.builders.segments import Writer, exchange

NAMES = (
    "import sys; from pathlib import Path; from identity.keyring import Keyring; "
    "keyring = Keyring(Path(sys.argv[1])); keyring.open(); "
    "print(*(keyring.person(f'key:{number}').pseudonym for number in range(40)))"
)


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    yield from opened(tmp_path)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Keyring]:
    """A second process of the same data folder, as far as the file can tell."""
    yield from opened(tmp_path)


def opened(data: Path) -> Iterator[Keyring]:
    keyring = Keyring(data)
    keyring.open()
    yield keyring
    keyring.close()


def test_a_principal_has_one_pseudonym_and_key_and_another_principal_others(keyring: Keyring) -> None:
    ada, bob = keyring.person("key:ada"), keyring.person("key:bob")
    assert keyring.person("key:ada") is ada
    assert re.fullmatch("p-[0-9a-f]{20}", ada.pseudonym)
    assert len(ada.key) == len(bob.key) == KEY_BYTES
    assert ada.pseudonym != bob.pseudonym
    assert ada.key != bob.key


def test_both_are_random(tmp_path: Path) -> None:
    (one,), (two,) = opened(tmp_path / "one"), opened(tmp_path / "two")
    one.open()
    two.open()
    assert one.person("key:ada").pseudonym != two.person("key:ada").pseudonym
    assert one.person("key:ada").key != two.person("key:ada").key
    one.close()
    two.close()


def test_other_processes_and_later_ones_know_the_same_person(keyring: Keyring, another: Keyring) -> None:
    ada = keyring.person("key:ada")
    assert another.person("key:ada").pseudonym == ada.pseudonym
    assert another.person("key:ada").key == ada.key
    keyring.close()
    keyring.open()
    assert keyring.person("key:ada").pseudonym == ada.pseudonym


def test_processes_that_meet_the_same_people_at_once_agree(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", NAMES, str(tmp_path)], stdout=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].split() for process in running]
    assert len(said[0]) == 40
    assert said == [said[0]] * 4


def test_a_pseudonym_leads_to_its_principal_and_asking_adds_nobody(keyring: Keyring) -> None:
    assert keyring.pseudonym_of("key:ada") is None
    pseudonym = keyring.person("key:ada").pseudonym
    assert keyring.pseudonym_of("key:ada") == pseudonym
    assert keyring.principal_of(pseudonym) == "key:ada"
    assert keyring.key_of(pseudonym) == keyring.person("key:ada").key
    assert keyring.principal_of("p-00000000000000000000") is None
    assert [(row.principal, row.key) for row in keyring.people_after(0)] == [("key:ada", b"")]


def test_after_erasing_nothing_leads_back(keyring: Keyring) -> None:
    pseudonym = keyring.person("key:ada").pseudonym
    keyring.person("key:bob")
    assert keyring.erase("key:ada") == pseudonym
    assert keyring.pseudonym_of("key:ada") is None
    assert keyring.principal_of(pseudonym) is None
    assert keyring.key_of(pseudonym) is None
    assert [row.pseudonym for row in keyring.erased_after(0)] == [pseudonym]
    assert [row.principal for row in keyring.people_after(0)] == ["key:bob"]


def test_erasing_who_is_not_known_is_nothing(keyring: Keyring) -> None:
    assert keyring.erase("key:ada") is None
    assert keyring.erased_after(0) == []


def test_whoever_comes_again_is_somebody_new(keyring: Keyring) -> None:
    before = keyring.person("key:ada")
    keyring.erase("key:ada")
    after = keyring.person("key:ada")
    assert after.pseudonym != before.pseudonym
    assert after.key != before.key


def test_another_process_notices_an_erasure_when_it_catches_up(keyring: Keyring, another: Keyring) -> None:
    before = another.person("key:ada").pseudonym
    keep = another.person("key:bob")
    another.catch_up()
    assert another.catch_up() is False
    keyring.erase("key:ada")
    assert another.catch_up() is True
    assert another.catch_up() is False
    assert another.person("key:ada").pseudonym != before
    assert another.person("key:bob") is keep


def test_catching_up_with_new_people_forgets_nobody(keyring: Keyring, another: Keyring) -> None:
    ada = keyring.person("key:ada")
    another.person("key:bob")
    assert keyring.catch_up() is False
    assert keyring.person("key:ada") is ada


def test_the_bytes_are_gone_once_it_is_scrubbed(tmp_path: Path, keyring: Keyring, another: Keyring) -> None:
    for number in range(300):
        keyring.person(f"key:somebody-{number:04d}")
    key = another.person("key:somebody-0150").key
    before = bytes_of(tmp_path)
    assert b"key:somebody-0150" in before
    assert key in before
    keyring.erase("key:somebody-0150")
    assert keyring.scrub() is True
    after = bytes_of(tmp_path)
    assert b"key:somebody-0150" not in after
    assert key not in after
    assert b"key:somebody-0151" in after
    assert another.pseudonym_of("key:somebody-0151") is not None


def test_what_was_not_scrubbed_is_when_it_is_opened_again(tmp_path: Path, keyring: Keyring) -> None:
    keyring.person("key:somebody")
    keyring.erase("key:somebody")
    keyring.close()
    with sqlite3.connect(tmp_path / "keys" / "people.db") as file:
        assert file.execute("SELECT scrubbed FROM about").fetchone() == (0,)
    file.close()
    keyring.open()
    with sqlite3.connect(tmp_path / "keys" / "people.db") as file:
        assert file.execute("SELECT scrubbed FROM about").fetchone() == (1,)
    file.close()


def test_one_who_reads_in_between_keeps_it_from_being_scrubbed_until_they_are_done(
    tmp_path: Path, keyring: Keyring
) -> None:
    keyring.person("key:somebody")
    reader = sqlite3.connect(tmp_path / "keys" / "people.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM people").fetchall()
    keyring.erase("key:somebody")
    assert keyring.scrub() is False
    reader.close()
    assert keyring.scrub() is True
    assert b"key:somebody" not in bytes_of(tmp_path)


def test_nobody_else_may_read_it(tmp_path: Path, keyring: Keyring) -> None:
    keyring.person("key:ada")
    files = list((tmp_path / "keys").iterdir())
    assert {path.name for path in files} == {"people.db", "people.db-wal", "people.db-shm", "pseudonym.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_person_shows_no_key(keyring: Keyring) -> None:
    person = keyring.person("key:ada")
    assert repr(person) == f"Person('{person.pseudonym}')"


def test_a_commitment_is_the_persons_and_the_texts_and_leads_to_no_other_use_of_the_key(keyring: Keyring) -> None:
    ada, bob = keyring.person("key:ada"), keyring.person("key:bob")
    assert ada.commitment(b"text") == ada.commitment(b"text")
    assert len({ada.commitment(b"text"), ada.commitment(b"texts"), bob.commitment(b"text")}) == 3
    assert ada.commitment(b"text") != hmac.digest(ada.key, b"text", "sha256")


@given(some.binary(max_size=2000))
def test_a_commitment_is_an_hmac_under_a_key_that_is_made_of_the_persons(text: bytes) -> None:
    key = hmac.digest(bytes(range(32)), b"lukhas commitment 1\n", "sha256")
    assert Person("p-0123456789abcdef0123", bytes(range(32))).commitment(text) == hmac.digest(key, text, "sha256")


def test_a_principal_is_replaced_in_texts_and_takes_no_member_out_of_a_line() -> None:
    person = Person("p-0123456789abcdef0123", bytes(32))
    line = b'{"usage":{"input_tokens":10},"error":"input_tokens said \\"input_tokens\\": no","of":["input_tokens"]}'
    assert person.in_place_of("input_tokens", line) == (
        b'{"usage":{"input_tokens":10},"error":"p-0123456789abcdef0123 said \\"p-0123456789abcdef0123\\": no",'
        b'"of":["p-0123456789abcdef0123"]}'
    )
    assert person.in_place_of("key:0123456789", b'{"key:0123456789":1}') == b'{"p-0123456789abcdef0123":1}'


def test_a_file_that_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "people.db"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(KeyringError, match=re.escape(f"{path} cannot be used: ")):
        Keyring(tmp_path).open()


def test_one_who_cannot_be_added_is_an_error_and_those_who_are_known_are_not(tmp_path: Path, keyring: Keyring) -> None:
    ada = keyring.person("key:ada")
    assert not failed(keyring)
    with pytest.raises(KeyringError):
        keyring.person("key:\ud800")
    assert failed(keyring)
    assert keyring.person("key:ada") is ada
    keyring.person("key:bob")
    assert not failed(keyring)


def test_a_file_that_was_put_in_its_place_counts_from_then_on(tmp_path: Path, keyring: Keyring) -> None:
    before = keyring.person("key:ada").pseudonym
    (kept,) = opened(tmp_path / "kept")
    kept.open()
    restored = kept.person("key:ada").pseudonym
    kept.close()
    (tmp_path / "kept" / "keys" / "people.db").rename(tmp_path / "keys" / "people.db")
    for left in ("people.db-wal", "people.db-shm"):
        (tmp_path / "keys" / left).unlink()
    assert keyring.catch_up() is True
    assert keyring.person("key:ada").pseudonym == restored != before


def test_a_file_that_breaks_is_a_failure_until_it_is_whole_again(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys" / "people.db"
    aside = path.rename(tmp_path / "aside")
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(KeyringError):
        keyring.catch_up()
    assert failed(keyring)
    with pytest.raises(KeyringError):
        keyring.person("key:ada")
    aside.rename(path)
    assert keyring.catch_up() is True
    assert not failed(keyring)
    keyring.person("key:ada")


def test_a_copy_in_its_place_knows_nobody_before_its_tombstones_are_heeded(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys" / "people.db"
    pseudonym = keyring.person("key:ada").pseudonym
    keyring.scrub()
    copy = shutil.copy(path, tmp_path / "copy")
    with closing(EventLog(tmp_path, "flush")) as log:
        Erasure(tmp_path, keyring, log.append)("key:ada", None)
    keyring.close()
    keyring.open()
    Path(copy).replace(path)
    for left in ("people.db-wal", "people.db-shm"):
        (tmp_path / "keys" / left).unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            with pytest.raises(KeyringError):
                keyring.catch_up()
            assert failed(keyring)
            with pytest.raises(KeyringError):
                keyring.key_of(pseudonym)
    assert keyring.catch_up() is True
    assert (keyring.principal_of(pseudonym), keyring.key_of(pseudonym), failed(keyring)) == (None, None, False)


def test_a_file_that_another_writes_to_keeps_whoever_asks_waiting_for_a_moment_only(
    tmp_path: Path, keyring: Keyring
) -> None:
    with closing(sqlite3.connect(tmp_path / "keys" / "people.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = monotonic()
        with pytest.raises(KeyringError, match="locked"):
            keyring.person("key:ada")
        assert monotonic() - began < 1
        keyring.catch_up()
        assert failed(keyring)
    keyring.catch_up()
    assert not failed(keyring)


def test_scrubbing_holds_nobody_up_for_one_who_reads_for_long(tmp_path: Path, keyring: Keyring) -> None:
    keyring.person("key:somebody")
    with closing(sqlite3.connect(tmp_path / "keys" / "people.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        keyring.erase("key:somebody")
        began = monotonic()
        assert keyring.scrub() is False
        assert monotonic() - began < 1


def test_one_that_is_closed_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="is not open"):
        Keyring(tmp_path).person("key:ada")


def test_a_process_keeps_so_many_in_memory_and_finds_the_others_again(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path, most_known=2)
    keyring.open()
    first = keyring.person("key:first")
    keyring.person("key:second")
    assert keyring.person("key:first") is first
    keyring.person("key:third")
    again = keyring.person("key:first")
    assert again is not first
    assert again.pseudonym == first.pseudonym
    keyring.close()


def failed(keyring: Keyring) -> bool:
    """Whether it says that something is wrong."""
    return keyring.failure is not None


def bytes_of(data: Path) -> bytes:
    """All bytes of the keyring's files."""
    return b"".join(path.read_bytes() for path in sorted((data / "keys").iterdir()))


def recorded(data: Path, person: str | None) -> None:
    """The journal has a record of somebody."""
    writer = Writer(data)
    writer.segment()
    writer.append(*exchange("A-1", caller=person))


def test_a_file_that_is_gone_is_not_made_anew_where_records_name_people(tmp_path: Path) -> None:
    with keyring_of(tmp_path) as keyring:
        recorded(tmp_path, keyring.person("key:ada").pseudonym)
    for path in (tmp_path / "keys").glob("people.db*"):
        path.unlink()
    keyring = Keyring(tmp_path)
    with pytest.raises(KeyringError, match=r"people\.db is gone, and the journal has records of people whom it knew"):
        keyring.open()
    assert not (tmp_path / "keys" / "people.db").exists()


def test_where_no_record_names_anybody_the_file_is_made(tmp_path: Path) -> None:
    recorded(tmp_path, None)
    with keyring_of(tmp_path) as keyring:
        keyring.person("key:ada")


def test_a_file_that_goes_while_it_is_in_use_is_a_failure_until_it_is_back(tmp_path: Path) -> None:
    with keyring_of(tmp_path) as keyring:
        recorded(tmp_path, keyring.person("key:ada").pseudonym)
        for path in (tmp_path / "keys").glob("people.db*"):
            path.rename(tmp_path / path.name)
        with pytest.raises(KeyringError, match="is gone"):
            keyring.catch_up()
        with pytest.raises(KeyringError):
            keyring.person("key:bob")
        assert "is gone" in (keyring.failure or "")
        for path in tmp_path.glob("people.db*"):
            path.rename(tmp_path / "keys" / path.name)
        keyring.catch_up()
        assert keyring.failure is None
