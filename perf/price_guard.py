"""Fails when a request through the gateway has become dearer than the committed price.

The price is a ratio: what the gateway executes for a request, by what `perf/reference_proxy.py` executes for it, in
instructions and in system calls. Both are counted in the same run, on whatever machine (needs valgrind).

    python -m perf.price_guard            compare with perf/price.json, exit 1 above 15 % growth
    python -m perf.price_guard --write    make what was counted the committed price
"""

import argparse
import asyncio
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop

from perf.counting import Count, can_count, count, counted
from perf.load import PLAIN, STREAM
from perf.mock_upstream import mock_upstream
from perf.servers import REFERENCE, NotAnswering, serving

ALLOWED_GROWTH = 0.15
PRICE = Path(__file__).with_name("price.json")
GATEWAY = f"{shlex.quote(sys.executable)} -m perf.worker_alone --port {{port}} --upstream {{upstream}} --data {{data}}"
_WARMING = 4


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the gateway takes for one request or one whole stream, in reference proxies."""

    instructions: float
    calls: float


async def measure(command: str, requests: Mapping[str, int], windows: int) -> dict[str, tuple[Count, Count]]:
    """Counts the gateway that `command` starts, and the reference proxy. Errors: NotAnswering."""
    with tempfile.TemporaryDirectory(prefix="price-") as folder:
        async with mock_upstream() as upstream:
            ours, theirs = [
                await _counts(name, each, upstream, Path(folder), requests, windows)
                for name, each in (("gateway", command), ("reference", REFERENCE))
            ]
    return {name: (ours[name], theirs[name]) for name in requests}


async def _counts(
    name: str, command: str, upstream: int, folder: Path, requests: Mapping[str, int], windows: int
) -> dict[str, Count]:
    found = {}
    async with serving(name, counted(command), upstream_port=upstream, folder=folder, patience=600.0) as server:
        for question in (PLAIN, STREAM):
            number = requests[question.name]
            await count(server, question, requests=max(1, number // _WARMING), windows=1)
            found[question.name] = await count(server, question, requests=number, windows=windows)
    return found


def priced(ours: Count, theirs: Count) -> Price:
    """Gives the price of what was counted."""
    return Price(round(ours.instructions / theirs.instructions, 3), round(ours.calls / theirs.calls, 3))


def table(measured: Mapping[str, tuple[Count, Count]], price: Mapping[str, Price]) -> str:
    """The figures as a table, for one request or one whole stream."""
    lines = [
        "| question | counted | gateway | reference | ratio | committed | growth |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (ours, theirs) in measured.items():
        now, before = priced(ours, theirs), price.get(name)
        for what in Price.__struct_fields__:
            committed = getattr(before, what) if before else None
            growth = f"{getattr(now, what) / committed - 1:+.1%}" if committed else "-"
            lines.append(
                f"| {name} | {what} | {getattr(ours, what):.1f} | {getattr(theirs, what):.1f} "
                f"| {getattr(now, what):.3f} | {committed or '-'} | {growth} |"
            )
    return "\n".join(lines)


def complaints(measured: Mapping[str, Price], price: Mapping[str, Price]) -> Iterator[str]:
    """Gives one sentence for each question that has become too dear or has no price."""
    for name, now in measured.items():
        before = price.get(name)
        if before is None:
            yield f"{name}: perf/price.json has no price; write it with: make price-guard ARGS=--write"
            continue
        for what in Price.__struct_fields__:
            cost, committed = getattr(now, what), getattr(before, what)
            if cost > committed * (1 + ALLOWED_GROWTH):
                yield (
                    f"{name}: the gateway costs {cost:.2f} reference proxies in {what}, {committed:.2f} are committed, "
                    f"and {ALLOWED_GROWTH:.0%} more is allowed. Find what was added to the hot path and take it out; "
                    "if it is worth its price, say so in the commit that writes the new price "
                    "(make price-guard ARGS=--write)."
                )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m perf.price_guard", description=__doc__)
    parser.add_argument("--gateway", default=GATEWAY, help="command with {port}, {upstream} and {data}")
    parser.add_argument("--price", type=Path, default=PRICE, help="the committed price")
    parser.add_argument("--windows", type=int, default=4, help="windows of each server and question")
    parser.add_argument("--requests", type=int, default=100, help="plain requests in a window")
    parser.add_argument("--streams", type=int, default=20, help="streams in a window")
    parser.add_argument("--write", action="store_true", help="make what is counted the committed price")
    options = parser.parse_args(arguments)
    if not can_count():
        print("No price: valgrind is not there. Install it, on Debian with: apt-get install valgrind", file=sys.stderr)
        return 1
    price = msgspec.json.decode(options.price.read_bytes(), type=dict[str, Price]) if options.price.exists() else {}
    requests = {PLAIN.name: options.requests, STREAM.name: options.streams}
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured = runner.run(measure(options.gateway, requests, options.windows))
    except NotAnswering as error:
        print(f"No price: {error}", file=sys.stderr)
        return 1
    print(table(measured, price), flush=True)
    now = {name: priced(*counts) for name, counts in measured.items()}
    if options.write:
        options.price.write_bytes(msgspec.json.format(msgspec.json.encode(now)) + b"\n")
        return 0
    found = list(complaints(now, price))
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
