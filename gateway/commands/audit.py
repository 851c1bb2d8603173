"""`lukhas audit`: whether the journal is as it was written, proofs for others, records to read, and erasing people."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from gateway.commands.audit_export import export_command
from gateway.commands.audit_purge import purge_command
from gateway.commands.audit_show import show_command
from gateway.commands.failing import Failed
from gateway.commands.options import common, journal_folder, json_option
from gateway.commands.printing import print_json, print_table
from gateway.commands.progress import progress
from storage.chain_events import Head
from storage.proof import ProofError, prove
from storage.report import Fault, Note, Report
from storage.segments import SegmentError
from storage.signing import Verifier, verifier_of
from storage.verify import verify

KEYRING = "keys/people.db"


@click.group("audit")
def command() -> None:
    """Looks into the journal: verifies it, proves and shows what stands in it, and erases people from it.

    \b
    Example:
      lukhas audit verify
    """


@command.command("verify")
@common
@json_option
@click.option("--public-key", metavar="FILE", help="A copy of keys/journal.pub that was kept elsewhere.")
@click.option("--known", metavar="FILE", help="What an earlier `lukhas audit verify --json` printed.")
def verify_command(
    config: str | None, data: str | None, as_json: bool, public_key: str | None, known: str | None
) -> None:
    """Finds every line and segment that was changed, dropped, inserted, moved or cut off since it was written.

    What a kill or a full disk leaves, and what the retention takes away, is noted and no fault. Any fault makes the
    exit code 1. A gateway may be writing meanwhile.

    \b
    Example:
      lukhas audit verify --json > monday.json
      lukhas audit verify --known monday.json
    """
    folder = journal_folder(config, data)
    verifier = _public_key(public_key) if public_key else None
    heads = _heads(known) if known else ()
    with progress("journal") as told:
        report = verify(folder, verifier=verifier, known=heads, progress=told)
    if as_json:
        print_json({"ok": not report.faults, **msgspec.to_builtins(report)})
    else:
        _print(report)
    if report.faults:
        raise SystemExit(1)


@command.command("prove")
@common
@click.argument("audit_id")
def prove_command(config: str | None, data: str | None, audit_id: str) -> None:
    """Prints a proof that the bundle of an exchange stands in the journal.

    docs/verify_proof.py checks it, and needs nothing of the gateway.

    \b
    Example:
      lukhas audit prove A-0190163d-8694-739b-aea5-966c26f8ad91 > proof.json
    """
    try:
        print_json(prove(journal_folder(config, data), audit_id))
    except (ProofError, SegmentError) as error:
        raise Failed(str(error)) from None


command.add_command(show_command)
command.add_command(export_command)
command.add_command(purge_command)


def _print(report: Report) -> None:
    rows = [
        (each.writer, *(f"{count:,}" for count in (each.segments, each.lines, each.roots, each.unrooted)))
        for each in report.writers
    ]
    print_table("Journal", ("writer", "segments", "lines", "roots", "behind the last root"), rows)
    if report.notes:
        print_table("Notes", ("what", "where", "says"), [(note.kind, _where(note), note.says) for note in report.notes])
    if report.faults:
        columns = ("what", "where", "exchange", "says")
        faults = [(fault.kind, _where(fault), fault.audit_id or "", fault.says) for fault in report.faults]
        print_table("Faults", columns, faults)
    click.echo(_verdict(report.lines, report.faults))


def _verdict(lines: int, faults: Sequence[Fault]) -> str:
    if not faults:
        return f"{lines:,} lines, each as it was written."
    return f"{lines:,} lines, {len(faults):,} fault{'s' if len(faults) > 1 else ''}."


def _where(each: Fault | Note) -> str:
    if each.kind == "unnamed":
        return KEYRING
    segment = f" {each.segment:08d}" if each.segment else ""
    line = f" line {each.line}" if isinstance(each, Fault) and each.line is not None else ""
    return f"{each.writer}{segment}{line}"


def _public_key(file: str) -> Verifier:
    verifier = verifier_of(Path(file).read_bytes())
    if verifier is None:
        raise Failed(f"{file} is no public key: it should hold 43 characters of base64url.")
    return verifier


class _Known(msgspec.Struct, frozen=True):
    """What an earlier report is read for."""

    heads: tuple[Head, ...]


def _heads(file: str) -> tuple[Head, ...]:
    try:
        return msgspec.json.decode(Path(file).read_bytes(), type=_Known).heads
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failed(f"{file} is not what `lukhas audit verify --json` prints: {error}.") from None
