"""What the views show for a pseudonym: the principal as long as the keyring knows it, and whose rows are whose."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from identity.keyring import Keyring
from storage.warehouse import Warehouse
from tests.builders.people import keyring_of
from tests.builders.segments import Writer, called, exchange, moment
from tests.builders.warehouses import asked, ids, one

VIEWS = ("exchanges", "attempts", "tool_calls", "incidents", "feedback", "usage_daily")


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    keyring = Keyring(tmp_path)
    keyring.open()
    yield keyring
    keyring.close()


@contextmanager
def warehouse_of(data: Path, keyring: Keyring, *callers: str | None) -> Iterator[Warehouse]:
    """A warehouse with an exchange, an incident, a card and a tool call of each caller, as the journal names them."""
    writer = Writer(data)
    writer.segment()
    for number, caller in enumerate(callers):
        name = f"A-{number}"
        writer.append(*exchange(name, at=float(number), caller=caller, tools=called("retrieval")))
        for event in ("incident", "feedback"):
            writer.append({"event": event, "audit_id": name, "at": moment(), "caller": caller})
    opened = Warehouse(data, people=keyring)
    opened.open()
    try:
        opened.catch_up()
        yield opened
    finally:
        opened.close()


def callers_in(opened: Warehouse, view: str = "exchanges", principal: str | None = None) -> set[str | None]:
    return {row[0] for row in asked(opened, f"SELECT DISTINCT caller FROM {view}", (), principal)}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_principals_and_callers_their_own_rows(view: str, tmp_path: Path, keyring: Keyring) -> None:
    ada, bob = keyring.person("key:ada").pseudonym, keyring.person("key:bob").pseudonym
    with warehouse_of(tmp_path, keyring, ada, bob, None) as opened:
        assert callers_in(opened, view) == {"key:ada", "key:bob", None}
        assert callers_in(opened, view, "key:ada") == {"key:ada"}


@pytest.mark.parametrize("view", VIEWS)
def test_after_an_erasure_it_says_erased(view: str, tmp_path: Path, keyring: Keyring) -> None:
    ada, bob = keyring.person("key:ada").pseudonym, keyring.person("key:bob").pseudonym
    with warehouse_of(tmp_path, keyring, ada, bob) as opened:
        keyring.erase("key:ada")
        opened.show_people()
        assert callers_in(opened, view) == {"erased", "key:bob"}
        assert callers_in(opened, view, "key:ada") == set()


def test_rows_in_parquet_are_shown_the_same_way(tmp_path: Path, keyring: Keyring) -> None:
    ada, bob = keyring.person("key:ada").pseudonym, keyring.person("key:bob").pseudonym
    with warehouse_of(tmp_path, keyring, ada, bob) as opened:
        opened.archive(date(2100, 1, 1))
        assert one(opened, "SELECT count(*) FROM warehouse.kept.exchanges") == 0
        assert callers_in(opened) == {"key:ada", "key:bob"}
        assert ids(opened, "key:bob") == ["A-1"]
        keyring.erase("key:bob")
        opened.show_people()
        assert callers_in(opened) == {"key:ada", "erased"}


def test_one_whom_the_keyring_does_not_know_is_shown_by_pseudonym(tmp_path: Path, keyring: Keyring) -> None:
    with warehouse_of(tmp_path, keyring, "p-00000000000000000000") as opened:
        assert callers_in(opened) == {"p-00000000000000000000"}


@pytest.mark.parametrize("principal", ["erased", "*", "", "p-00000000000000000000", "PSEUDONYM", "%", "key:nobody"])
def test_no_principal_can_be_called_so_that_it_sees_the_rows_of_others(
    principal: str, tmp_path: Path, keyring: Keyring
) -> None:
    ada, bob = keyring.person("key:ada").pseudonym, keyring.person("key:bob").pseudonym
    with warehouse_of(tmp_path, keyring, ada, bob, None, "p-00000000000000000000") as opened:
        keyring.erase("key:bob")
        opened.show_people()
        assert ids(opened, principal.replace("PSEUDONYM", ada)) == []


def test_whoever_was_erased_and_comes_again_sees_what_is_new_alone(tmp_path: Path, keyring: Keyring) -> None:
    before = keyring.person("key:ada").pseudonym
    keyring.erase("key:ada")
    after = keyring.person("key:ada").pseudonym
    with warehouse_of(tmp_path, keyring, before, after) as opened:
        assert ids(opened, "key:ada") == ["A-1"]
        assert callers_in(opened) == {"erased", "key:ada"}


def test_someone_new_is_known_by_the_time_their_rows_are_there(tmp_path: Path, keyring: Keyring) -> None:
    with warehouse_of(tmp_path, keyring) as opened:
        ada = keyring.person("key:ada").pseudonym
        writer = Writer(tmp_path, "worker-1")
        writer.segment()
        writer.append(*exchange("A-new", caller=ada))
        opened.catch_up()
        assert callers_in(opened) == {"key:ada"}


def test_another_keyring_in_its_place_counts_from_then_on(tmp_path: Path, keyring: Keyring) -> None:
    ada = keyring.person("key:ada").pseudonym
    with warehouse_of(tmp_path, keyring, ada) as opened:
        keyring.close()
        shutil.rmtree(tmp_path / "keys")
        with keyring_of(tmp_path / "another"):
            pass
        shutil.copytree(tmp_path / "another" / "keys", tmp_path / "keys")
        keyring.open()
        opened.show_people()
        assert callers_in(opened) == {ada}


def test_no_file_of_the_warehouse_ever_holds_a_principal(tmp_path: Path, keyring: Keyring) -> None:
    ada = keyring.person("key:somebody-in-particular").pseudonym
    with warehouse_of(tmp_path, keyring, ada) as opened:
        assert callers_in(opened) == {"key:somebody-in-particular"}
        opened.compact()
        assert callers_in(opened) == {"key:somebody-in-particular"}
        opened.archive(date(2100, 1, 1))
        files = [path for folder in ("warehouse", "archive") for path in (tmp_path / folder).rglob("*")]
        written = b"".join(path.read_bytes() for path in files if path.is_file())
        assert b"somebody-in-particular" not in written
        assert ada.encode() in written


def test_what_was_spilled_is_gone_when_the_warehouse_forgets(tmp_path: Path, keyring: Keyring) -> None:
    ada = keyring.person("key:ada").pseudonym
    with warehouse_of(tmp_path, keyring, ada) as opened:
        spill = tmp_path / "warehouse" / "spill"
        spill.mkdir(exist_ok=True)
        (spill / "left").write_bytes(b"key:ada")
        opened.forget()
        assert not list(spill.rglob("left"))
        assert callers_in(opened) == {"key:ada"}
