"""Prints what would become of a request: signals, changes and tools as tables, and at the end the exact body."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from gateway.changed_parameters import ChangedParameter
from gateway.commands.previewing import Answer
from gateway.commands.printing import print_folded, print_table
from gateway.preview import Previewed, ToolsPreviewed

LONGEST = 60


def print_preview(answer: Answer) -> None:
    """Prints all of it."""
    found = answer.previewed
    click.echo(
        f"{found.endpoint}, model {found.model or '-'}, caller {found.caller} ({found.tier}), "
        f"safety mode {found.safety_mode}, policy {found.policy}"
    )
    _section("Signals", ("signal", "level", "acts", "found by", "why"), list(_signals(found)))
    _section("Held back", ("signal", "level", "why"), [(d.name, cell(d.level), d.because) for d in found.damped])
    _section("Changes", _COLUMNS, list(map(_change, found.changes)))
    _section("Computed and not made: the mode is shadow", _COLUMNS, list(map(_change, found.not_made)))
    _section("Tools", ("tool", "what becomes of it"), list(_tools(found.tools)))
    for step in found.steps:
        if step["fault"]:
            click.echo(f"{step['hook']}: {step['plugin']} failed ({step['fault']})")
    click.echo("\nAssumed:")
    for sentence in answer.assumed:
        print_folded(sentence, 2)
    click.echo()
    if found.refusal is not None:
        refusal = found.refusal
        click.echo(f"Refused with {refusal.status}, code {refusal.code}: {refusal.message}")
        return
    click.echo("the exact body:" if found.changed else "unchanged, byte for byte:")
    click.echo(found.body)


_COLUMNS = ("parameter", "before", "after", "why", "by")


def _section(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        click.echo()
        print_table(title, columns, rows)


def _signals(found: Previewed) -> Iterator[tuple[str, ...]]:
    for name, sources in found.sources.items():
        for number, source in enumerate(sources):
            acts = cell(found.acting.get(name, 0.0)) if number == 0 else ""
            why = source.because if source.applied else f"recorded, does not act; {source.because}"
            yield name, cell(source.level), acts, source.plugin, why


def _change(change: ChangedParameter) -> tuple[str, ...]:
    before, after = cell(change.before), cell(change.after)
    return change.parameter, before, after, change.because, change.plugin or change.hook


def _tools(tools: ToolsPreviewed) -> Iterator[tuple[str, str]]:
    told = {sentence.partition(" ")[0].rstrip(":"): sentence.partition(" ")[2] for sentence in tools.because}
    for name in tools.offered:
        alias = tools.hosted.get(name)
        why = told.pop(alias or name, "")
        what = f"goes out, and a call runs here as {alias}" if alias else "goes out as it came"
        yield name, f"{what}; {why}" if why else what
    for name in tools.removed:
        yield name, f"is taken out: {told.pop(name, 'it may not go out')}"
    yield from told.items()


def cell(value: Any) -> str:
    """Gives a JSON value as it stands in a table."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
