"""`lukhas audit purge`: erases a person, through the office of the gateway that serves the folder or without one."""

import difflib
from contextlib import closing
from functools import partial
from pathlib import Path

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.office_connection import message_of, office_connection
from gateway.commands.options import common, journal_folder, json_option, settings_in_force
from gateway.commands.people import keyring_of
from gateway.commands.printing import print_json
from gateway.office.erasure import Purge
from gateway.office.event_log import EventLog
from gateway.office.operator import OPERATOR
from gateway.office.pushing import Pushing
from gateway.office.records import exchanges_of
from gateway.pushed import FILE as PUSHED
from identity.erasure import Erased, Erasure
from identity.keyring import Keyring
from storage.sql_sandbox import Sandbox
from storage.state.database import FILE as STATE
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseError

MOST_LIKE_IT = 3
WHERE = 'Those on record: lukhas sql "SELECT DISTINCT caller FROM exchanges".'


@click.command("purge")
@common
@json_option
@click.option("--principal", required=True, metavar="PRINCIPAL", help="Whom to erase, as `caller` names them.")
@click.option("--because", default="", metavar="TEXT", help="The reason; it stays in the journal and names nobody.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge_command(config: str | None, data: str | None, as_json: bool, principal: str, because: str, yes: bool) -> None:
    """Erases a person: their name, their key, and with it all that only their key opens. There is no way back.

    What was recorded stays, and says that the caller was erased; `lukhas audit verify` holds as before. It works
    while a gateway serves and while none does.

    \b
    Example:
      lukhas audit purge --principal key:3f9a0c11d2e4b5a69788 --because "asked by letter of 3 November"
    """
    if not principal.strip():
        raise Failed(f"The principal is empty. {WHERE}")
    folder, purge = journal_folder(config, data), Purge(principal, because)
    state_url = settings_in_force(config, data).settings.storage.state_url
    _look_for(folder, principal)
    if not yes:
        click.confirm(f"Erase {principal} for good?", abort=True, err=True)
    erased = _by_office(folder, purge) or _directly(folder, state_url, purge)
    if as_json:
        print_json(erased)
        return
    for sentence in sentences(erased):
        click.echo(sentence)


def sentences(erased: Erased) -> list[str]:
    """Gives what a person is told; it does not say who it was, since terminals and logs remember."""
    if not erased.known:
        return ["Nobody of that name is on record."]
    said = ["Erased: name and key are gone from the keyring, and a tombstone stands in the journal."]
    if erased.exchanges is not None:
        said.append(f"Records that say `erased` from now on: {erased.exchanges:,}.")
    if erased.accepted_keys:
        said.append(f"Struck out of the accepted keys of a running gateway: {erased.accepted_keys:,}.")
    if not erased.overwritten:
        said.append(
            "Another program reads keys/people.db, so the old bytes are not overwritten yet; a running gateway does "
            "it as soon as it can, any other at its next start."
        )
    return said


def _look_for(folder: Path, principal: str) -> None:
    """Makes sure that there is such a person: a slip of the pen must not look like an erasure. Errors: Failed."""
    with keyring_of(folder) as keyring:
        if keyring.pseudonym_of(principal) is None and keyring.principal_of(principal) is None:
            names = [row.principal for row in keyring.people_after(0)]
            # Whoever owns a key is called `key:` and the owner.
            of_owner = [name for name in names if name.partition(":")[2] == principal]
            like_it = of_owner or difflib.get_close_matches(principal, names, MOST_LIKE_IT)
            hint = f" There is {', '.join(like_it)}." if like_it else f" {WHERE}"
            raise Failed(f"Nobody on record is called {principal!r}.{hint}")


def _by_office(folder: Path, purge: Purge) -> Erased | None:
    """Has the office of a running gateway do it; None where none serves the folder. Errors: Failed."""
    connection = office_connection(folder)
    if connection is None:
        return None
    try:
        connection.request("POST", "/audit/purge", msgspec.json.encode(purge), {"content-type": "application/json"})
        reply = connection.getresponse()
        body = reply.read()
    finally:
        connection.close()
    if reply.status != 200:
        raise Failed(message_of(reply.status, body))
    return msgspec.json.decode(body, type=Erased)


def _directly(folder: Path, state_url: str | None, purge: Purge) -> Erased:
    with keyring_of(folder) as keyring, closing(EventLog(folder, "fsync")) as log:
        erase = Erasure(
            folder,
            keyring,
            log.append,
            exchanges_of=partial(_exchanges_of, folder, keyring),
            take_out=partial(_take_out, folder, state_url),
        )
        return erase(purge.principal, OPERATOR.principal, purge.because)


def _take_out(folder: Path, state_url: str | None, person: str) -> None:
    """Takes a person out of the state, and out of what workers were told last. Errors: StateError, OSError."""
    if state_url is None and not (folder / STATE).exists():
        return
    with closing(State(folder, state_url)) as state:
        state.open(brought_up_to_date)
        state.erase(person)
        state.scrub()
        Pushing(state, folder / PUSHED).push()


def _exchanges_of(folder: Path, keyring: Keyring, principal: str) -> int | None:
    """Counts the records of a principal; None where the warehouse does not answer."""
    warehouse = Warehouse(folder, people=keyring)
    try:
        warehouse.open()
        warehouse.catch_up()
        return exchanges_of(Sandbox(warehouse, warehouse.folder), principal)
    except (WarehouseError, OSError):
        return None
    finally:
        warehouse.close()
