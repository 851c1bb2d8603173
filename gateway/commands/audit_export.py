"""`lukhas audit export`: the records of exchanges as lines of JSON or CSV, out of the journal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.options import common, journal_folder
from gateway.commands.people import keyring_of
from gateway.commands.progress import progress
from gateway.office.audit.names import Names
from storage.bundles import Search
from storage.journal_records import bytes_of, records
from storage.sql_formats import Column, csv_page

COLUMNS = (
    *("audit_id", "started", "ended", "caller", "tier", "endpoint", "method", "status", "outcome", "streamed"),
    *("model", "model_used", "input_tokens", "output_tokens", "cached_tokens", "cost"),
    *("overhead_ms", "first_byte_ms", "total_ms", "refusal", "error", "upstream_request_id", "trace_id"),
)
_PAGE = 500


@click.command("export")
@common
@click.option("--since", metavar="TIME", help="Exchanges that began at this time or later (RFC 3339).")
@click.option("--until", metavar="TIME", help="Exchanges that began before this time.")
@click.option("--caller", metavar="PRINCIPAL", help="Exchanges of this caller alone; `erased`: of all who were.")
@click.option("--format", type=click.Choice(("jsonl", "csv")), default="jsonl", show_default=True)
@click.option("--pseudonyms", is_flag=True, help="Leave pseudonyms in the place of principals.")
@click.option("--out", metavar="FILE", help="Write to a file, which is there when it is whole.")
def export_command(
    config: str | None,
    data: str | None,
    since: str | None,
    until: str | None,
    caller: str | None,
    format: str,
    pseudonyms: bool,
    out: str | None,
) -> None:
    """Writes the records of exchanges that have ended, a line for each, whether a gateway serves or not.

    They come in the order of the journal, one writer after the other. What leaves by this command is not reached
    when a person is erased later.

    \b
    Example:
      lukhas audit export --since 2026-11-01 --format csv --out november.csv
    """
    folder = journal_folder(config, data)
    journal = folder / "journal"
    with keyring_of(folder) as keyring:
        names = Names(keyring)
        search = names.searched(Search(_time("--since", since), _time("--until", until), caller))
        with _target(out) as target, progress("journal", bytes_of(journal, search)) as told:
            lines = records(journal, search, progress=told)
            count = _write(target, lines if pseudonyms else map(names.shown, lines), format)
    if out is not None:
        click.echo(f"{count:,} records in {out}.", err=True)


@contextmanager
def _target(out: str | None) -> Iterator[BinaryIO]:
    """Gives what is written to; a file takes its name at the end. Errors: Failed, OSError."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(out)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write(target: BinaryIO, lines: Iterator[bytes], format: str) -> int:
    count = 0
    if format == "jsonl":
        for line in lines:
            target.write(line + b"\n")
            count += 1
        return count
    columns = tuple(Column(name, "VARCHAR") for name in COLUMNS)
    page: list[list[Any]] = []
    target.write(csv_page(columns, (), first=True))
    for line in lines:
        page.append(_row(line))
        count += 1
        if len(page) == _PAGE:
            target.write(csv_page(columns, page, first=False))
            page = []
    target.write(csv_page(columns, page, first=False))
    return count


def _row(line: bytes) -> list[Any]:
    values: dict[str, Any] = msgspec.json.decode(line)
    usage, refusal = values.get("usage"), values.get("refusal")
    flat = {
        **values,
        **(usage if isinstance(usage, dict) else {}),
        "refusal": refusal.get("code") if isinstance(refusal, dict) else None,
    }
    return [flat.get(name) for name in COLUMNS]


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("it is written as 2026-11-01 or 2026-11-01T12:00:00Z.", param_hint=option) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
