"""Erasing from the command line, while a gateway serves and while none does; afterwards no byte names the person."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import httpx
import pytest
from click.testing import CliRunner, Result

from gateway.commands.audit_purge import purge_command
from gateway.commands.failing import Failed
from identity.keyring import Keyring
from storage.bodies import find_body, opened_body
from storage.packing import pack
from storage.segments import segments, unpacked
from storage.state.records import Card
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.warehouse import Warehouse
from tests.builders.journals import ended, lines_in, opened
from tests.builders.people import keyring_of
from tests.builders.served import eventually, lukhas, served

SETTINGS = "plugins: {log: {to: nowhere}}\naudit: {bodies: all}\nauth: {passthrough: true}\n"
ADA = "key:0123456789abcdef0123"


def purge(data: Path, *arguments: str, given: str = "") -> Result:
    command = ["--data", str(data), "--config", os.devnull, *arguments]
    return CliRunner().invoke(purge_command, command, input=given)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a journal, and Ada in its keyring."""
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    journal.close()
    with keyring_of(tmp_path) as keyring:
        keyring.person(ADA)
    return tmp_path


def known(data: Path) -> bool:
    with keyring_of(data) as keyring:
        return keyring.pseudonym_of(ADA) is not None


def test_it_asks_before_it_acts(data: Path) -> None:
    done = purge(data, "--principal", ADA, given="n\n")
    assert done.exit_code == 1
    assert f"Erase {ADA} for good?" in done.stderr
    assert known(data)
    assert purge(data, "--principal", ADA, given="y\n").exit_code == 0
    assert not known(data)


def test_what_they_said_of_exchanges_goes_from_the_state(data: Path) -> None:
    with keyring_of(data) as keyring:
        person = keyring.person(ADA).pseudonym
    with closing(State(data)) as state:
        state.open(brought_up_to_date)
        state.cards.put(Card(person, "A-00000001", datetime(2026, 11, 20, tzinfo=UTC), 5, "a note of Ada's"))
    assert purge(data, "--principal", ADA, "--yes").exit_code == 0
    with closing(State(data)) as state:
        state.open(brought_up_to_date)
        assert state.cards.count() == 0
    for name in ("state.db", "pushed.json"):
        assert person.encode() not in (data / name).read_bytes()


def test_a_folder_without_state_gets_none_by_an_erasure(data: Path) -> None:
    assert purge(data, "--principal", ADA, "--yes").exit_code == 0
    assert not (data / "state.db").exists()


def test_what_it_did_is_told_without_saying_who_it_was(data: Path) -> None:
    done = purge(data, "--principal", ADA, "--yes", "--because", "asked by letter")
    assert done.stdout.splitlines() == [
        "Erased: name and key are gone from the keyring, and a tombstone stands in the journal.",
        "Records that say `erased` from now on: 0.",
    ]
    (tombstone,) = [line for line in lines_in(data, "office") if line["event"] == "tombstone"]
    assert (tombstone["by"], tombstone["because"]) == ("operator", "asked by letter")


def test_programs_get_json(data: Path) -> None:
    said = json.loads(purge(data, "--principal", ADA, "--yes", "--json").stdout)
    assert (said["known"], said["exchanges"], said["overwritten"]) == (True, 0, True)


def test_a_slip_of_the_pen_is_refused_with_the_names_that_are_like_it(data: Path) -> None:
    done = purge(data, "--principal", ADA[:-1] + "4", "--yes")
    assert isinstance(done.exception, Failed)
    assert str(done.exception) == f"Nobody on record is called '{ADA[:-1]}4'. There is {ADA}."
    assert known(data)


def test_the_owner_of_a_key_leads_to_the_principal(data: Path) -> None:
    with keyring_of(data) as keyring:
        keyring.person("key:bo")
    assert (
        str(purge(data, "--principal", "bo", "--yes").exception) == "Nobody on record is called 'bo'. There is key:bo."
    )


@pytest.mark.parametrize(
    ("principal", "says"), [("", "The principal is empty."), (" ", "The principal is empty."), ("zz", "called 'zz'.")]
)
def test_nobody_is_erased_by_a_name_that_is_none_and_where_names_stand_is_told(
    data: Path, principal: str, says: str
) -> None:
    done = purge(data, "--principal", principal, "--yes")
    assert isinstance(done.exception, Failed)
    assert says in str(done.exception)
    assert str(done.exception).endswith('lukhas sql "SELECT DISTINCT caller FROM exchanges".')


def test_another_reader_of_the_keyring_is_told_of(data: Path) -> None:
    with keyring_of(data):
        reader = sqlite3.connect(data / "keys" / "people.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        done = purge(data, "--principal", ADA, "--yes")
        reader.close()
    assert "Another program reads keys/people.db" in done.stdout


class Guest:
    """Someone who uses a gateway with a key of their own, and confides in the model."""

    def __init__(self, name: str, url: str) -> None:
        self.key = f"sk-{name}-0123456789abcdef"
        self.mail = f"{name}.planted@example.com"
        self.prompt = f"the planted prompt of {name}"
        self.answer = f"the planted answer for {name}"
        self.audit_ids: list[str] = []
        self.principal = ""
        self._client = httpx.Client(base_url=url, timeout=30, headers={"authorization": f"Bearer {self.key}"})

    def confides(self) -> None:
        """Asks once plainly and once for a stream."""
        for stream in (False, True):
            content = f"{self.prompt}\n!say {self.answer}"
            body = {
                "model": "gpt-4o-mini",
                "stream": stream,
                "user": self.mail,
                "messages": [{"role": "user", "content": content}],
            }
            reply = self._client.post("/v1/chat/completions", json=body, headers={"x-user-mail": self.mail})
            assert reply.status_code == 200
            self.audit_ids.append(reply.headers["x-lukhas-audit-id"])
        self.principal = self._client.get("/identity/tier-check").json()["principal"]

    def planted(self) -> list[bytes]:
        """What must never be found in plain."""
        return [text.encode() for text in (self.key, self.mail, self.prompt, self.answer)]

    def close(self) -> None:
        self._client.close()


def test_no_byte_of_the_data_folder_names_whoever_was_erased(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", settings=SETTINGS) as gateway:
        data, ada, bob = gateway.data, Guest("ada", gateway.url), Guest("bob", gateway.url)
        for guest in (ada, bob):
            guest.confides()
        ask = ("sql", "--data", str(data), "--format", "json", "SELECT DISTINCT caller FROM exchanges ORDER BY 1")
        eventually(lambda: {ada.principal, bob.principal} <= set(callers(ask, tmp_path)))
        keys = {guest.principal: key_of(data, guest) for guest in (ada, bob)}

        before = everything_in(data)
        assert not [text for guest in (ada, bob) for text in guest.planted() if text in before]
        for guest in (ada, bob):
            assert guest.principal.encode() in before
            assert keys[guest.principal] in before
            assert guest.prompt.encode() in body_of(data, guest, keys[guest.principal])
            assert guest.answer.encode() in body_of(data, guest, keys[guest.principal])

        done = lukhas("audit", "purge", "--data", str(data), "--principal", ada.principal, "--yes", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Records that say `erased` from now on: 2." in done.stdout
        after = everything_in(data)
        assert ada.principal.encode() not in after
        assert keys[ada.principal] not in after
        assert bob.principal.encode() in after
        assert callers(ask, tmp_path) == ["erased", bob.principal]

        ada.confides()
        eventually(lambda: set(callers(ask, tmp_path)) == {"erased", ada.principal, bob.principal})
        assert key_of(data, ada) != keys[ada.principal]
        ada.close()
        bob.close()

    old_days_and_closed_segments(data)
    assert bob.principal.encode() in everything_in(data)
    done = lukhas("audit", "purge", "--data", str(data), "--principal", bob.principal, "--yes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = everything_in(data)
    assert bob.principal.encode() not in after
    assert keys[bob.principal] not in after
    assert not [text for guest in (ada, bob) for text in guest.planted() if text in after]
    assert callers(ask, tmp_path) == ["erased", ada.principal]
    verified = lukhas("audit", "verify", "--data", str(data), cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.count("was erased on") == 2


def callers(ask: tuple[str, ...], cwd: Path) -> list[str]:
    done = lukhas(*ask, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return [row["caller"] for row in json.loads(done.stdout)]


def key_of(data: Path, guest: Guest) -> bytes:
    """The key that opens the bodies of a guest."""
    keyring = Keyring(data)
    keyring.open()
    key = keyring.person(guest.principal).key
    keyring.close()
    return key


def body_of(data: Path, guest: Guest, key: bytes) -> bytes:
    event = find_body(data / "journal", guest.audit_ids[0], datetime.now(UTC))
    assert event is not None
    return opened_body(event, key)


def old_days_and_closed_segments(data: Path) -> None:
    """Makes of all that was recorded what it is after weeks: Parquet, and packed segments."""
    with keyring_of(data) as keyring:
        warehouse = Warehouse(data, people=keyring)
        warehouse.open()
        warehouse.catch_up()
        warehouse.archive(date(2100, 1, 1))
        warehouse.close()
    for writer in ("worker-0", "worker-0-bodies", "office"):
        opened(data, writer).close()
    packed = [pack(segment) for segment in segments(data / "journal") if segment.closed]
    assert packed
    assert list((data / "archive").rglob("*.parquet"))


def everything_in(data: Path) -> bytes:
    """Every byte of every file, and what stands in it where it is packed."""
    return b"\n".join(part for path in sorted(data.rglob("*")) if path.is_file() for part in parts_of(path))


def parts_of(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.name.endswith(".jsonl.zst"):
        yield from unpacked(path)
    elif path.name.endswith(".parquet"):
        with duckdb.connect() as reader:
            yield repr(reader.execute("FROM read_parquet(?)", [str(path)]).fetchall()).encode()
    elif path.name.endswith(".duckdb"):
        yield from tables_in(path)


def tables_in(path: Path) -> Iterator[bytes]:
    """All rows of all tables, of a copy: a running gateway holds the file."""
    copies = path.parent.parent.parent / "copies"
    copies.mkdir(exist_ok=True)
    for each in path.parent.glob(f"{path.name}*"):
        shutil.copy(each, copies / each.name)
    with duckdb.connect(str(copies / path.name)) as copy:
        names = copy.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        assert ("kept", "exchanges") in names
        for schema, table in names:
            yield repr(copy.execute(f'FROM "{schema}"."{table}"').fetchall()).encode()
