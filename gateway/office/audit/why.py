"""Draws why a request was changed: which signal moved which parameter of the question to the model, as SVG."""

from collections.abc import Sequence
from typing import TypeAlias

from gateway.office.audit.findings import after_of
from gateway.office.audit.markup import NOTHING, Markup, clipped, element
from gateway.office.audit.record import Change, Signal
from gateway.office.audit.units import level, value_of

WIDTH = 760
BOX = 200
HEIGHT = 40
STEP = 56
TOP = 34
MOST = 16
COLUMNS = (0, 280, 560)
Spot: TypeAlias = tuple[int, int]


def why_graph(changes: Sequence[Change], signals: Sequence[tuple[str, Signal]], ended: str) -> Markup:
    """Gives the picture from signals over parameters to the answer; nothing where nothing was changed."""
    changes = changes[:MOST]
    if not changes:
        return NOTHING
    levels = dict(signals)
    sources = list(dict.fromkeys(_source(change) for change in changes))
    rows = max(len(sources), len(changes))
    height = TOP + STEP * rows
    left = {name: (COLUMNS[0], _y(number, len(sources), rows)) for number, name in enumerate(sources)}
    middle = [(COLUMNS[1], _y(number, len(changes), rows)) for number in range(len(changes))]
    right = (COLUMNS[2], _y(0, 1, rows))
    edges = [
        edge
        for change, spot in zip(changes, middle, strict=True)
        for edge in (
            _edge(left[_source(change)], spot, change.applied),
            _edge(spot, right, change.applied),
        )
    ]
    boxes = [
        *(_box(left[name], name, _level(levels.get(name)), "signal") for name in sources),
        *(
            _box(spot, change.parameter, _movement(change), "parameter" if change.applied else "parameter shadow")
            for change, spot in zip(changes, middle, strict=True)
        ),
        _box(right, "The answer", ended, "answer"),
    ]
    heads = zip(("because of", "the gateway changed", "and then"), COLUMNS, strict=True)
    told = "; ".join(f"{_source(change)} moved {change.parameter}: {_movement(change)}" for change in changes)
    return element(
        "svg",
        element("title", "Why the request was changed"),
        *(element("text", text, x=x + BOX / 2, y=18, class_="tick") for text, x in heads),
        *edges,
        *boxes,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=clipped(told, 1000),
        class_="why",
    )


def _source(change: Change) -> str:
    return change.signal or (f"plugin {change.plugin}" if change.plugin else "the policy")


def _level(signal: Signal | None) -> str:
    return f"level {level(signal.level)}" if signal else ""


def _movement(change: Change) -> str:
    after = after_of(change)
    moved = f"{value_of(change.before)} → {after}" if change.before is not None else f"→ {after}"
    return moved if change.applied else f"shadow: {moved}"


def _y(number: int, count: int, rows: int) -> int:
    return TOP + round((number + 0.5) * STEP * rows / count) - HEIGHT // 2 - (STEP - HEIGHT) // 2


def _box(spot: Spot, name: str, says: str, kind: str) -> Markup:
    x, y = spot
    return element(
        "g",
        element("title", f"{name} {says}".strip()),
        element("rect", x=x + 1, y=y, width=BOX - 2, height=HEIGHT, rx=6),
        element("text", clipped(name, 26), x=x + BOX / 2, y=y + (17 if says else 25), class_="label"),
        element("text", clipped(says, 30), x=x + BOX / 2, y=y + 32, class_="says") if says else None,
        class_=f"box {kind}",
    )


def _edge(start: Spot, end: Spot, applied: bool) -> Markup:
    x1, y1, x2, y2 = start[0] + BOX, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2
    half = (x1 + x2) // 2
    return element(
        "path", d=f"M{x1} {y1} C{half} {y1} {half} {y2} {x2} {y2}", class_="edge" if applied else "edge shadow"
    )
