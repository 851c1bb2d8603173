"""`lukhas plugins`: the hook chain as it will run, and which traffic each hook is asked about."""

from itertools import groupby

import click
import msgspec

from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_folded, print_json, print_table, width
from gateway.coverage import Gap, Traffic, asked, gaps_of, shipped_gaps, traffic_of
from gateway.endpoints import EndpointTable, load_endpoints
from gateway.hooks import Implementation
from gateway.hookspecs import EXCHANGE_HOOKS, Hook
from gateway.loader import Chain, load_chain
from gateway.settings import Settings

WIDE = 150
_FEW_COLUMNS = ("hook", "plugin", "if_it_breaks", "budget_ms")
_HOOKS = tuple(hook.name for hook in EXCHANGE_HOOKS)


class Run(msgspec.Struct, frozen=True):
    """One run of one hook of one plugin; `order` counts within the hook, from 1."""

    hook: str
    plugin: str
    version: str
    origin: str
    order: int
    runs_as: str
    if_it_breaks: str
    budget_ms: float


class Covered(msgspec.Struct, frozen=True):
    """Endpoints on whose traffic the same hooks are asked."""

    sent: str
    answered: str
    hooks: dict[str, bool]
    endpoints: list[str]


@click.command("plugins")
@common
@click.option("--coverage", "every", is_flag=True, help="Name every endpoint and every gap in the coverage.")
@json_option
def command(config: str | None, data: str | None, every: bool, as_json: bool) -> None:
    """Shows the hook chain and its coverage.

    The chain is as it will run; the coverage says which hooks are asked about which traffic.

    \b
    Examples:
      lukhas plugins
      lukhas plugins --coverage
      lukhas plugins --json
    """
    loaded = settings_in_force(config, data)
    chain = load_chain(loaded, lambda *_: None)
    table = load_endpoints()
    runs, rows, gaps = runs_of(chain), covered(table), gaps_in(table, chain, loaded.settings)
    if as_json:
        print_json({"chain": runs, "coverage": rows, "gaps": gaps})
        return
    columns = Run.__struct_fields__ if width() >= WIDE else _FEW_COLUMNS
    print_table("The chain", columns, [tuple(_cell(getattr(run, name)) for name in columns) for run in runs])
    click.echo()
    _print_coverage(chain, rows, every=every)
    click.echo()
    _print_gaps(gaps, every=every)


def runs_of(chain: Chain) -> list[Run]:
    """Gives who is asked, in order, hook by hook."""
    origins = {plugin.name: plugin.origin for plugin in chain.plugins}
    return [
        Run(
            hook.name,
            each.plugin,
            each.version,
            origins[each.plugin],
            order,
            each.way,
            _if_it_breaks(hook, each),
            each.budget_ns / 1e6,
        )
        for hook in EXCHANGE_HOOKS
        for order, each in enumerate(chain.implementations[hook.name], 1)
    ]


def _if_it_breaks(hook: Hook, plugin: Implementation) -> str:
    if plugin.failure.open:
        return f"open: {plugin.failure.reason}"
    return "the request goes without tools" if plugin.governs_tools else hook.broken.value


def covered(table: EndpointTable) -> list[Covered]:
    """Gives the matrix: endpoint, what is sent, what comes back, and the hooks; equal rows as one."""

    def row(traffic: Traffic) -> tuple[str, str, tuple[bool, ...]]:
        return traffic.sent, traffic.answered, tuple(asked(traffic, hook) for hook in _HOOKS)

    return [
        Covered(sent, answered, dict(zip(_HOOKS, hooks, strict=True)), sorted({each.endpoint for each in group}))
        for (sent, answered, hooks), group in groupby(sorted(traffic_of(table), key=row), row)
    ]


def gaps_in(table: EndpointTable, chain: Chain, settings: Settings) -> list[Gap]:
    """Gives the security hooks that some traffic skips, whether a plugin answers them now or not."""
    return list(gaps_of(table, _HOOKS, settings.coverage.accepted_gaps, shipped_gaps()))


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_coverage(chain: Chain, rows: list[Covered], *, every: bool) -> None:
    if width() < WIDE:
        click.echo("Which hooks are asked about which traffic, sent -> answered:")
        for row in rows:
            skipped = [hook for hook in _HOOKS if not row.hooks[hook]]
            click.echo(f"{row.sent} -> {row.answered}")
            print_folded(f"asked: all{' but ' + ', '.join(skipped) if skipped else ''}", 2)
            print_folded(", ".join(row.endpoints) if every or len(row.endpoints) <= 3 else _some(row.endpoints), 2)
        return
    columns = ("sent", "answered", *_HOOKS, "endpoints")
    print_table(
        "Which hooks are asked about which traffic (yes: asked; -: not; a hook that no plugin answers costs nothing)",
        columns,
        [
            (
                row.sent,
                row.answered,
                *("yes" if row.hooks[hook] else "-" for hook in _HOOKS),
                ", ".join(row.endpoints) if every or len(row.endpoints) <= 3 else _some(row.endpoints),
            )
            for row in rows
        ],
    )


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:2])} and {len(names) - 2} more"


def _print_gaps(gaps: list[Gap], *, every: bool) -> None:
    by_reason: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_reason.setdefault(gap.reason or "NOT ACCEPTED", []).append(gap)
    rows = []
    for reason, group in by_reason.items():
        names = sorted({gap.traffic.endpoint for gap in group})
        hooks = [hook for hook in _HOOKS if any(gap.hook == hook for gap in group)]
        rows.append((", ".join(hooks), ", ".join(names) if every or len(names) <= 3 else _some(names), reason))
    print_table("Security hooks that traffic skips, and why that is accepted", ("hooks", "endpoints", "reason"), rows)
