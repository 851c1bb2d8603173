"""`lukhas memory`: puts in documents that the hosted tool `retrieve_knowledge` finds for a caller, and shows them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes, token_hex

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.people import keyring_of
from gateway.commands.printing import print_json, print_table
from identity.keyring import Keyring, Person
from storage.people import KeyringError
from storage.state.documents import LONGEST_TEXT, Documents, nonce_bytes
from storage.state.records import Document
from storage.state.schema import brought_up_to_date
from storage.state.sealed import SealedError
from storage.state.state import State
from storage.state.state_error import StateError

USUAL_K = 6
_ID_BYTES = 8
_SHOWN = 100

principal_option = click.option(
    "--principal", required=True, metavar="PRINCIPAL", help="Whose documents, as `caller` names them: key:OWNER."
)


class Added(msgspec.Struct, frozen=True):
    """A document that was put in, and into how many passages it was cut."""

    id: str
    name: str
    passages: int


@click.group("memory")
def command() -> None:
    """Puts documents in that models find for a caller, and looks at them.

    Each belongs to one caller, is encrypted with their key, and goes when they are erased. It works while a gateway
    serves and while none does.

    \b
    Example:
      lukhas memory add --principal key:search rules.md
      lukhas memory search --principal key:search "when are refunds paid"
    """


@command.command("add")
@common
@json_option
@principal_option
@click.option("--name", metavar="NAME", help="What to call it, for one document; without it the name of the file.")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True, dir_okay=False, exists=True))
def add_command(
    config: str | None, data: str | None, as_json: bool, principal: str, name: str | None, files: tuple[str, ...]
) -> None:
    """Puts text files in, or with `-` what comes on standard input.

    \b
    Example:
      lukhas memory add --principal key:search rules.md terms.md
    """
    if name is not None and len(files) > 1:
        raise Failed("--name is for one file; of several each is called like the file.")
    texts = [(name or ("standard input" if file == "-" else Path(file).name), _text_of(file)) for file in files]
    added = []
    with _opened(config, data) as (people, documents):
        person = people.person(principal)
        for called, text in texts:
            document = Document(f"d-{token_hex(_ID_BYTES)}", person.pseudonym, called, datetime.now(UTC))
            passages = documents.add(document, text, person.key, token_bytes(nonce_bytes(text)))
            added.append(Added(document.id, called, passages))
    if as_json:
        print_json({"added": added})
        return
    for each in added:
        click.echo(f"{each.id}  {each.name}: {each.passages} passages.")


@command.command("search")
@common
@json_option
@principal_option
@click.option("-k", "most", default=USUAL_K, show_default=True, type=click.IntRange(1, 20), help="How many at most.")
@click.argument("query")
def search_command(config: str | None, data: str | None, as_json: bool, principal: str, most: int, query: str) -> None:
    """Finds passages as a model would that asks for them.

    \b
    Example:
      lukhas memory search --principal key:search "when are refunds paid"
    """
    with _opened(config, data) as (people, documents):
        person = _known(people, principal)
        found = documents.search(person.pseudonym, person.key, query, most)
    if as_json:
        print_json({"passages": found})
    elif not found:
        click.echo("Nothing was found.")
    else:
        rows = [(f"{each.score:.2f}", each.document, each.name, " ".join(each.text.split())[:_SHOWN]) for each in found]
        print_table("Passages", ("score", "document", "name", "text"), rows)


@command.command("delete")
@common
@principal_option
@click.argument("document")
def delete_command(config: str | None, data: str | None, principal: str, document: str) -> None:
    """Takes a document away, by its id.

    \b
    Example:
      lukhas memory delete --principal key:search d-0123456789abcdef
    """
    with _opened(config, data) as (people, documents):
        if not documents.remove(_known(people, principal).pseudonym, document):
            raise Failed(
                f"{principal} has no document {document}. Theirs: lukhas memory stats --principal {principal}."
            )
    click.echo(f"{document} is gone.")


@command.command("stats")
@common
@json_option
@click.option("--principal", metavar="PRINCIPAL", help="Lists the documents of this one.")
def stats_command(config: str | None, data: str | None, as_json: bool, principal: str | None) -> None:
    """Counts what is there, and of one caller lists it.

    \b
    Example:
      lukhas memory stats --principal key:search
    """
    with _opened(config, data) as (people, documents):
        counted = documents.count()
        person = None if principal is None else _known(people, principal)
        theirs = [] if person is None else documents.of(person.pseudonym, person.key)
    if as_json:
        print_json({**msgspec.structs.asdict(counted), **({"of": _listed(theirs)} if principal else {})})
        return
    click.echo(f"Documents: {counted.documents:,}, passages: {counted.passages:,}, people: {counted.people:,}.")
    if principal is not None:
        rows = [(each["id"], each["name"], each["at"]) for each in _listed(theirs)]
        print_table(f"Of {principal}", ("id", "name", "added"), rows)


@contextmanager
def _opened(config: str | None, data: str | None) -> Iterator[tuple[Keyring, Documents]]:
    """Gives the people and their documents. Errors: Failed."""
    storage = settings_in_force(config, data).settings.storage
    folder = Path(storage.data)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with keyring_of(folder) as people, closing(State(folder, storage.state_url)) as state:
            state.open(brought_up_to_date)
            yield people, state.documents
    except (KeyringError, StateError, SealedError) as error:
        raise Failed(str(error)) from None


def _known(people: Keyring, principal: str) -> Person:
    person = people.known(principal)
    if person is None:
        raise Failed(f"Nobody on record is called {principal!r}. Whoever owns a key is called key: and the owner.")
    return person


def _text_of(file: str) -> str:
    """Gives the text of a file. Errors: Failed."""
    with click.open_file(file, "rb") as stream:
        held = stream.read(4 * LONGEST_TEXT + 1)
    try:
        text: str = held.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failed(f"{file} is no text in UTF-8.") from None
    if len(text) > LONGEST_TEXT:
        raise Failed(f"{file} has more than {LONGEST_TEXT:,} characters; cut it into several.")
    if not text.strip():
        raise Failed(f"{file} is empty.")
    return text


def _listed(documents: list[Document]) -> list[dict[str, str]]:
    """Gives documents without the pseudonyms of their people."""
    return [{"id": each.id, "name": each.name, "at": each.at.isoformat(timespec="seconds")} for each in documents]
