"""Fails when a request through the gateway has become dearer than the committed price.

The price is a ratio, CPU of the gateway by CPU of `perf/reference_proxy.py`, so it means the same on every machine.
Windows of both alternate (reference, gateway, gateway, reference, ...) and the median counts.

    python -m perf.price_guard            compare with perf/price.json, exit 1 above 15 % growth
    python -m perf.price_guard --write    make what was measured the committed price
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from perf.load import PLAIN, STREAM, Question
from perf.mock_upstream import mock_upstream
from perf.servers import GATEWAY, REFERENCE, Cores, NotAnswering, Server, cores, pinned, serving
from perf.windows import Window, window

ALLOWED_GROWTH = 0.15
PRICE = Path(__file__).with_name("price.json")
_CONNECTIONS = {PLAIN.name: 32, STREAM.name: 20}
_ATTEMPTS = 3


class Void(Exception):
    """A window that cannot be counted, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The windows of one question; `gateway[i]` and `reference[i]` stood next to each other."""

    gateway: tuple[Window, ...]
    reference: tuple[Window, ...]

    @property
    def ratio(self) -> float:
        """What the gateway's workers cost, in reference proxies."""
        return median(
            ours.serving_us / theirs.serving_us for ours, theirs in zip(self.gateway, self.reference, strict=True)
        )


async def measure(command: str, *, windows: int, requests: Mapping[str, int], on: Cores | None) -> dict[str, Pairs]:
    """Measures the gateway that `command` starts beside the reference proxy, `windows` windows for each question."""
    with tempfile.TemporaryDirectory(prefix="price-") as folder:
        async with (
            mock_upstream() as upstream,
            serving("reference", REFERENCE, upstream_port=upstream, folder=Path(folder), on=on) as reference,
            serving("gateway", command, upstream_port=upstream, folder=Path(folder), on=on) as gateway,
        ):
            return {
                question.name: await _pairs(gateway, reference, question, windows, requests[question.name])
                for question in (PLAIN, STREAM)
            }


async def _pairs(gateway: Server, reference: Server, question: Question, windows: int, requests: int) -> Pairs:
    ours: list[Window] = []
    theirs: list[Window] = []
    for server in (reference, gateway):
        await _valid(server, question, max(1, requests // 4))
    for index in range(windows):
        turn = [(reference, theirs), (gateway, ours)]
        for server, kept in turn if index % 2 == 0 else reversed(turn):
            kept.append(await _valid(server, question, requests))
    return Pairs(tuple(ours), tuple(theirs))


async def _valid(server: Server, question: Question, requests: int) -> Window:
    for _ in range(_ATTEMPTS):
        measured = await window(server, question, connections=_CONNECTIONS[question.name], requests=requests)
        if not measured.void:
            return measured
    raise Void(f"{server.name}, {question.name}: no valid window in {_ATTEMPTS} attempts: {measured.void}")


def table(measured: Mapping[str, Pairs], price: Mapping[str, float]) -> str:
    """The figures as a table; CPU in microseconds for each request, or each event of a stream."""
    lines = [
        "| question | windows | gateway | office | reference | ratio (min..max) | committed | growth | foreign |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, pairs in measured.items():
        ratios = [a.serving_us / b.serving_us for a, b in zip(pairs.gateway, pairs.reference, strict=True)]
        committed, growth = ("-", "-")
        if name in price:
            committed, growth = f"{price[name]:.3f}", f"{pairs.ratio / price[name] - 1:+.1%}"
        lines.append(
            f"| {name} | {len(ratios)} | {_middle(pairs.gateway, 'serving_us'):.1f} "
            f"| {_middle(pairs.gateway, 'office_us'):.1f} | {_middle(pairs.reference, 'serving_us'):.1f} "
            f"| {pairs.ratio:.3f} ({min(ratios):.3f}..{max(ratios):.3f}) | {committed} | {growth} "
            f"| {_middle((*pairs.gateway, *pairs.reference), 'foreign'):.0%} |"
        )
    return "\n".join(lines)


def _middle(windows: Sequence[Window], figure: str) -> float:
    return median(float(getattr(each, figure)) for each in windows)


def complaints(measured: Mapping[str, Pairs], price: Mapping[str, float]) -> list[str]:
    """One sentence for each question that has become too dear or has no price."""
    found = []
    for name, pairs in measured.items():
        if name not in price:
            found.append(f"{name}: perf/price.json has no price; write it with: make price-guard ARGS=--write")
        elif pairs.ratio > price[name] * (1 + ALLOWED_GROWTH):
            found.append(
                f"{name}: the gateway costs {pairs.ratio:.2f} reference proxies, {price[name]:.2f} are committed, and "
                f"{ALLOWED_GROWTH:.0%} more is allowed. Find what was added to the hot path and take it out; if it is "
                "worth its price, say so in the commit that writes the new price (make price-guard ARGS=--write)."
            )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m perf.price_guard", description=__doc__)
    parser.add_argument("--gateway", default=GATEWAY, help="command with {port}, {upstream} and {data}")
    parser.add_argument("--price", type=Path, default=PRICE, help="the committed price")
    parser.add_argument("--windows", type=int, default=15, help="windows of each server and question")
    parser.add_argument("--requests", type=int, default=3000, help="plain requests in a window")
    parser.add_argument("--streams", type=int, default=600, help="streams in a window")
    parser.add_argument("--write", action="store_true", help="make what is measured the committed price")
    options = parser.parse_args(arguments)
    price = msgspec.json.decode(options.price.read_bytes(), type=dict[str, float]) if options.price.exists() else {}
    try:
        measured = _measured(options)
        print(table(measured, price))
        if not options.write and complaints(measured, price):
            print("Above the price; measured once more, since another load may have come between.", flush=True)
            measured = _measured(options)
            print(table(measured, price))
    except (NotAnswering, Void) as error:
        print(f"No price: {error}", file=sys.stderr)
        return 1
    if options.write:
        written = {name: round(pairs.ratio, 3) for name, pairs in measured.items()}
        options.price.write_bytes(msgspec.json.format(msgspec.json.encode(written)) + b"\n")
        return 0
    found = complaints(measured, price)
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


def _measured(options: argparse.Namespace) -> Mapping[str, Pairs]:
    requests = {PLAIN.name: options.requests, STREAM.name: options.streams}
    on = cores()
    with pinned(on.load), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure(options.gateway, windows=options.windows, requests=requests, on=on))


if __name__ == "__main__":
    sys.exit(main())
