"""Draws lines over one axis, or bars, as SVG that a page or a browser shows as it is."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 720, 300, 60, 44, 36
_COLOURS = ("#2563eb", "#b45309", "#15803d", "#7c3aed")
_STEPS = 4
_BAR, _NAMES = 26, 160


class Bar(NamedTuple):
    """One bar: its name, and how long it is."""

    name: str
    value: float


class Line(NamedTuple):
    """One line: its name in the legend, and its points."""

    name: str
    points: Sequence[tuple[float, float]]


def plotted(title: str, across: str, lines: Sequence[Line]) -> str:
    """Gives the drawing; the vertical axis begins at zero, so that what looks flat is flat."""
    most_x = max(x for line in lines for x, _ in line.points) or 1.0
    most_y = (max(y for line in lines for _, y in line.points) or 1.0) * 1.1

    def at(x: float, y: float) -> str:
        right = _LEFT + x / most_x * (_WIDTH - _LEFT - 20)
        return f"{right:.1f},{_HEIGHT - _BELOW - y / most_y * (_HEIGHT - _BELOW - _ABOVE):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    for step in range(_STEPS + 1):
        value = most_y * step / _STEPS
        left, right = at(0, value), at(most_x, value)
        parts.append(f'<polyline points="{left} {right}" stroke="#d1d5db" fill="none"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{left.partition(",")[2]}" text-anchor="end">{value:.0f}</text>')
        over = at(most_x * step / _STEPS, 0).partition(",")[0]
        parts.append(
            f'<text x="{over}" y="{_HEIGHT - _BELOW + 18}" text-anchor="middle">{most_x * step / _STEPS:.0f}</text>'
        )
    parts.append(f'<text x="{_WIDTH // 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>')
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(at(x, y) for x, y in line.points)
        parts.append(f'<polyline points="{points}" stroke="{colour}" stroke-width="2" fill="none"/>')
        beside = f'x="{_WIDTH - 20}" y="{22 + 16 * number}" text-anchor="end"'
        parts.append(f'<text {beside} fill="{colour}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def barred(title: str, bars: Sequence[Bar]) -> str:
    """Gives the drawing of bars below each other, which all begin at zero."""
    most = max((bar.value for bar in bars), default=0.0) or 1.0
    height = _ABOVE + _BAR * len(bars) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="20" y="22" font-size="14">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars):
        top, length = _ABOVE + _BAR * number, bar.value / most * (_WIDTH - _NAMES - 80)
        parts.append(f'<text x="{_NAMES - 8}" y="{top + 15}" text-anchor="end">{escape(bar.name)}</text>')
        parts.append(f'<rect x="{_NAMES}" y="{top}" width="{length:.1f}" height="{_BAR - 6}" fill="{_COLOURS[0]}"/>')
        parts.append(f'<text x="{_NAMES + length + 6:.1f}" y="{top + 15}">{bar.value:.1f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
