"""Draws where the time of an exchange went: a row for each hook and each attempt, as SVG."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from gateway.office.audit.markup import NOTHING, Markup, clipped, element
from gateway.office.audit.record import Record
from gateway.office.audit.units import counted, duration

WIDTH = 760
LEFT = 190
RIGHT = 110
ROW = 26
TOP = 28
MOST_ROWS = 40
MOST_BARS = 200
TICKS = 4
KINDS: Mapping[str, str] = {
    "hook": "a plugin at work",
    "fault": "a plugin that broke",
    "wait": "waiting for the first byte",
    "receive": "receiving the answer",
}


class Bar(msgspec.Struct, frozen=True):
    """One stretch of time, in ns since the exchange arrived; `kind` is its colour."""

    began: int
    ended: int
    kind: str


class Row(msgspec.Struct, frozen=True):
    """A name with its stretches."""

    name: str
    bars: tuple[Bar, ...]

    @property
    def began(self) -> int:
        """When the first stretch began."""
        return min(bar.began for bar in self.bars)

    @property
    def took(self) -> int:
        """How long its stretches are together."""
        return sum(bar.ended - bar.began for bar in self.bars)


def rows_of(record: Record) -> list[Row]:
    """Gives a row for each hook that ran and each attempt, in the order in which they began."""
    hooks: dict[str, list[Bar]] = {}
    runs: Counter[str] = Counter()
    for step in record.trail:
        runs[step.hook] += step.times
        kind = "fault" if step.fault else "hook"
        hooks.setdefault(step.hook, []).append(Bar(step.began_ns, step.began_ns + step.took_ns, kind))
    rows = [Row(_named(hook, runs[hook]), tuple(bars)) for hook, bars in hooks.items()]
    for attempt in record.attempts:
        end = max(attempt.began_ns, attempt.ended_ns)
        first = attempt.first_byte_ns if attempt.first_byte_ns is not None else end
        first = min(max(first, attempt.began_ns), end)
        bars = (Bar(attempt.began_ns, first, "wait"), Bar(first, end, "receive"))
        rows.append(Row(f"model server {attempt.upstream}", bars))
    return sorted(rows, key=lambda row: row.began)


def waterfall(record: Record) -> Markup:
    """Gives the picture; nothing where there is nothing to show."""
    rows = rows_of(record)
    whole = record.ran_ns
    if not rows or whole == 0:
        return NOTHING
    shown = rows[:MOST_ROWS]
    height = TOP + ROW * len(shown) + 8
    label = f"{counted(len(rows), 'row')} over {duration(whole / 1e6)}: " + "; ".join(
        f"{row.name} {duration(row.took / 1e6)}" for row in shown
    )
    return element(
        "svg",
        element("title", "Where the time went"),
        *_axis(whole, height),
        *(part for number, row in enumerate(shown) for part in _drawn(row, TOP + ROW * number, whole)),
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=clipped(label, 1000),
        class_="waterfall",
    )


def _drawn(row: Row, y: int, whole: int) -> list[Markup]:
    bars = [
        element(
            "rect",
            element("title", f"{KINDS[bar.kind]}: {duration((bar.ended - bar.began) / 1e6)}"),
            x=f"{_x(bar.began, whole):.2f}",
            y=y + 6,
            width=f"{max(2.0, _x(bar.ended, whole) - _x(bar.began, whole)):.2f}",
            height=ROW - 12,
            rx=2,
            class_=f"bar {bar.kind}",
        )
        for bar in row.bars[:MOST_BARS]
        if bar.ended > bar.began or bar.kind in ("hook", "fault")
    ]
    name = element("text", element("title", row.name), clipped(row.name, 27), x=LEFT - 12, y=y + 17, class_="name")
    took = element("text", duration(row.took / 1e6), x=WIDTH - RIGHT + 14, y=y + 17, class_="took")
    return [name, *bars, took]


def _axis(whole: int, height: int) -> list[Markup]:
    parts = []
    for tick in range(TICKS + 1):
        x = f"{_x(whole * tick // TICKS, whole):.1f}"
        parts.append(element("line", x1=x, x2=x, y1=TOP - 4, y2=height - 4, class_="grid"))
        parts.append(element("text", duration(whole * tick / TICKS / 1e6) if tick else "0", x=x, y=16, class_="tick"))
    return parts


def _x(ns: int, whole: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, ns / whole)


def _named(hook: str, runs: int) -> str:
    return hook if runs == 1 else f"{hook} × {runs}"
