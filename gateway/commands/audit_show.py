"""`lukhas audit show`: one exchange as sentences and a table of its steps, out of the journal."""

from collections.abc import Iterator
from typing import Any

import click

from gateway.commands.failing import Failed
from gateway.commands.options import common, journal_folder, json_option
from gateway.commands.people import keyring_of
from gateway.commands.printing import print_folded, print_table
from gateway.office.audit.names import Names
from gateway.office.audit.record import Attempt, Record, Step, record_of
from gateway.office.audit.story import headline, story
from gateway.office.audit.units import duration
from storage.journal_records import find_record

LONGEST_REASON = 120


@click.command("show")
@common
@json_option
@click.argument("audit_id")
def show_command(config: str | None, data: str | None, as_json: bool, audit_id: str) -> None:
    """Tells what became of one exchange; with --json the line as it stands in the journal.

    \b
    Example:
      lukhas audit show A-0190163d-8694-739b-aea5-966c26f8ad91
    """
    folder = journal_folder(config, data)
    line = find_record(folder / "journal", audit_id)
    if line is None:
        raise Failed(f"The journal has no exchange {audit_id}.")
    if as_json:
        click.echo(line)
        return
    with keyring_of(folder) as keyring:
        _print(record_of(Names(keyring).shown(line)))


def _print(record: Record) -> None:
    print_folded(f"{record.audit_id}: {headline(record)}.", 0)
    for sentence in story(record):
        print_folded(sentence, 0)
    rows = [row for _, row in sorted(_rows(record), key=lambda each: each[0])]
    if rows:
        print_table("Steps", ("after", "step", "by", "took", "says"), rows)


def _rows(record: Record) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Gives when each step began, in ns, and its row."""
    for step in record.trail:
        times = f" ({step.times} times)" if step.times > 1 else ""
        yield step.began_ns, _row(step.began_ns, f"{step.hook}{times}", step.plugin, step.took_ns, _answer(step))
    for attempt in record.attempts:
        took = attempt.ended_ns - attempt.began_ns
        yield attempt.began_ns, _row(attempt.began_ns, "send", attempt.upstream, took, _outcome(attempt))


def _row(began_ns: int, what: str, by: str, took_ns: int, says: str) -> tuple[str, ...]:
    return duration(began_ns / 1e6), what, by, duration(max(0, took_ns) / 1e6), says


def _answer(step: Step) -> str:
    if step.fault is not None:
        return step.fault
    answer: dict[str, Any] = step.answer or {}
    reason = answer.get("because") or answer.get("message")
    said = [str(answer["answer"])] if "answer" in answer else []
    return ": ".join([*said, str(reason)[:LONGEST_REASON]] if reason else said)


def _outcome(attempt: Attempt) -> str:
    return attempt.error or (f"status {attempt.status}" if attempt.status is not None else "")
