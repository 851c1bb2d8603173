"""Whose name stands where: pseudonyms in records, principals for whoever may see them, and nothing after erasing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.office.audit.logged import logged_line
from gateway.office.audit.names import Names
from gateway.testing import a_caller
from identity.keyring import Keyring
from tests.builders.people import keyring_of
from tests.gateway.office.audit.lines import an_ended

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
ADA = a_caller(principal="key:0123456789abcdef0123")


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    with keyring_of(tmp_path) as keyring:
        yield keyring


@pytest.fixture
def names(keyring: Keyring) -> Names:
    return Names(keyring)


def test_a_record_is_shown_with_the_principal_and_otherwise_as_it_is(names: Names, keyring: Keyring) -> None:
    pseudonym = keyring.person(ADA.principal).pseudonym
    line = an_ended(caller=pseudonym, error=f"{pseudonym} went away")
    shown = names.shown(line)
    assert msgspec.json.decode(shown)["caller"] == ADA.principal
    assert shown.replace(ADA.principal.encode(), pseudonym.encode()) == line


def test_after_an_erasure_the_record_says_erased(names: Names, keyring: Keyring) -> None:
    pseudonym = keyring.person(ADA.principal).pseudonym
    keyring.erase(ADA.principal)
    shown = names.shown(an_ended(caller=pseudonym, error=f"{pseudonym} went away"))
    assert msgspec.json.decode(shown)["caller"] == "erased"
    assert pseudonym.encode() not in shown


@pytest.mark.parametrize("caller", ["p-00000000000000000000", None, "key:of-another-journal"])
def test_whom_the_keyring_does_not_know_stays_as_they_are(names: Names, caller: str | None) -> None:
    line = an_ended(caller=caller)
    assert names.shown(line) == line


def test_a_principal_with_quotes_stays_json(names: Names, keyring: Keyring) -> None:
    pseudonym = keyring.person('user:"Ada" \\ Löw').pseudonym
    assert msgspec.json.decode(names.shown(an_ended(caller=pseudonym)))["caller"] == 'user:"Ada" \\ Löw'


def test_what_a_caller_logs_names_them_by_pseudonym_alone(names: Names, keyring: Keyring) -> None:
    bundle = {"audit_id": "run-00001", "note": f"sent by {ADA.principal}"}
    line = names.unnamed(ADA, lambda pseudonym: logged_line("run-00001", bundle, pseudonym, NOW))
    pseudonym = keyring.pseudonym_of(ADA.principal)
    assert ADA.principal.encode() not in line
    assert msgspec.json.decode(line)["caller"] == pseudonym
    assert msgspec.json.decode(names.shown(line))["source"]["principal"] == ADA.principal


@pytest.mark.parametrize("principal", ["p-00000000000000000000", "PSEUDONYM"])
def test_a_principal_that_looks_like_a_pseudonym_is_not_taken_for_one(
    principal: str, names: Names, keyring: Keyring
) -> None:
    pseudonym = keyring.person(ADA.principal).pseudonym
    named = principal.replace("PSEUDONYM", pseudonym)
    assert names.recorded(named) != named


def test_a_caller_is_recorded_by_pseudonym_once_they_are_known(names: Names, keyring: Keyring) -> None:
    assert names.of_caller(ADA) == ADA.principal
    pseudonym = keyring.person(ADA.principal).pseudonym
    assert names.of_caller(ADA) == pseudonym
