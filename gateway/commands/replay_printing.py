"""Prints what a replay found: how many exchanges, the mix of modes, the parameters, and some examples."""

from datetime import datetime

import click

from gateway.commands.preview_printing import cell
from gateway.commands.printing import print_folded, print_table
from gateway.replay import Difference, Replayed


def print_replay(found: Replayed, since: datetime, policy: str) -> None:
    """Prints all of it."""
    share = f" ({100 * found.differ / found.exchanges:.1f} %)" if found.exchanges else ""
    click.echo(
        f"{found.exchanges:,} exchanges since {since:%Y-%m-%d %H:%M} UTC; with {policy} "
        f"{found.differ:,}{share} would have come out differently."
    )
    for sentence in _provisos(found):
        print_folded(sentence, 0)
    modes = [mode for mode in ("strict", "balanced", "creative") if mode in {**found.modes_before, **found.modes_after}]
    if modes:
        click.echo()
        print_table(
            "Safety modes",
            ("mode", "now", "with the policy"),
            [(mode, str(found.modes_before.get(mode, 0)), str(found.modes_after.get(mode, 0))) for mode in modes],
        )
    if found.parameters:
        click.echo()
        print_table(
            "What would have changed",
            ("parameter", "exchanges", "lower", "higher", "newly set", "no longer set"),
            [
                (name, *map(str, (each.exchanges, each.lower, each.higher, each.newly_set, each.no_longer_set)))
                for name, each in found.parameters.items()
            ],
        )
    if found.examples:
        click.echo()
        print_table("Examples", ("audit id", "signals", "now", "with the policy"), list(map(_example, found.examples)))


def _provisos(found: Replayed) -> list[str]:
    said = []
    bases = found.bases
    if bases.get("parameters"):
        said.append(
            f"Of {bases['parameters']:,} the record has what the client set, and no body: exact but for their stop "
            "sequences."
        )
    if bases.get("estimate"):
        said.append(
            f"Of {bases['estimate']:,} the record does not say what the client set: an estimate, as if it were nothing."
        )
    if bases.get("body"):
        said.append(f"Of {bases['body']:,} the body is kept: exact.")
    if found.left_out:
        said.append(f"{found.left_out:,} more were never asked about: refused before, or of other endpoints.")
    if found.other_policy:
        said.append(f"{found.other_policy:,} were recorded under other policies than those in force now.")
    if found.exchanges:
        said.append("Ratings, locks and flags are those of now, and the mode is taken to be enforce.")
    return said


def _example(each: Difference) -> tuple[str, ...]:
    signals = ", ".join(f"{name} {level:.2g}" for name, level in each.signals.items() if level >= 0.05)
    before, after = ("; ".join(f"{name} {cell(pair[side])}" for name, pair in each.members.items()) for side in (0, 1))
    return each.audit_id, signals or "-", before, after
