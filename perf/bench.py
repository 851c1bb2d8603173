"""`make bench`: what a request and a streamed event cost in the gateway, with Python packages alone.

Beside the gateway stand the reference proxy and the upstream asked directly; the gateway runs as it is shipped, with a
plugin that answers every hook with nothing, and in front of an upstream over TLS. Figures of one sitting can be
compared, others cannot.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import uvloop

from perf.certificate import tls_of
from perf.load import HUGE, LARGE, PACED, PLAIN, STREAM, WAITING, Question
from perf.mock_upstream import mock_upstream
from perf.plot import Bar, barred
from perf.servers import GATEWAY, GATEWAY_TLS, REFERENCE, NotAnswering, Server, cores, pinned, serving
from perf.windows import Window, window

NOOP = f"{GATEWAY} --config {Path(__file__).with_name('noop.yaml')}"
COMMANDS = {"direct": "", "reference": REFERENCE, "gateway": GATEWAY, "noop": NOOP, "tls": GATEWAY_TLS}


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table for each server: a question, over how many connections, and how often."""

    question: Question
    connections: int
    requests: int

    @property
    def name(self) -> str:
        return f"{self.question.name}-{self.connections}"


CASES = (
    Case(PLAIN, 1, 1500),
    Case(PLAIN, 32, 6000),
    Case(PLAIN, 200, 6000),
    Case(STREAM, 20, 1000),
    Case(STREAM, 200, 1000),
    Case(PACED, 20, 100),
    Case(PACED, 200, 1000),
    Case(LARGE, 8, 1000),
    Case(HUGE, 4, 200),
    Case(WAITING, 2000, 4000),
)


async def bench(commands: Mapping[str, str], cases: Sequence[Case], rounds: int) -> list[Window]:
    """Starts one server after the other, drives every case `rounds` times, and prints rows as they come."""
    print(setting(), *_HEAD, sep="\n", flush=True)
    measured: list[Window] = []
    started: dict[str, float] = {}
    async with mock_upstream() as upstream:
        for name, command in commands.items():
            async with _server(name, command, upstream) as server:
                if server.pid is not None:
                    started[name] = server.ready
                for case in cases:
                    windows = await _windows(server, case, rounds)
                    print(row(windows), flush=True)
                    measured += windows
    if started:
        print("", "| server | answers, seconds after its start |", "|---|---|", sep="\n")
        print(*(f"| {name} | {seconds:.2f} |" for name, seconds in started.items()), sep="\n", flush=True)
    return measured


async def _windows(server: Server, case: Case, rounds: int) -> list[Window]:
    await window(
        server, case.question, connections=case.connections, requests=max(case.connections, case.requests // 5)
    )
    return [
        await window(server, case.question, connections=case.connections, requests=case.requests) for _ in range(rounds)
    ]


@asynccontextmanager
async def _server(name: str, command: str, upstream: int) -> AsyncIterator[Server]:
    """The server that `command` starts; without a command the upstream itself."""
    if not command:
        yield Server(name, upstream)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = Path(made)
        tls, certificate = tls_of(folder)
        async with mock_upstream(tls) as secure:
            # Only who is asked for it reads these settings, and then they say all that there is to say.
            upstream_over_tls = {"url": f"https://127.0.0.1:{secure}/v1", "ca_file": str(certificate)}
            (folder / f"{name}.yaml").write_bytes(msgspec.json.encode({"upstream": upstream_over_tls}))
            async with serving(name, command, upstream_port=upstream, folder=folder, on=cores()) as server:
                yield server


_HEAD = (
    "| server | case | CPU us | office us | a second | first byte p50/p99 ms | whole p50/p99 ms | PSS MB | foreign |",
    "|---|---|---|---|---|---|---|---|---|",
)


def row(windows: Sequence[Window]) -> str:
    """One line of the table: of several windows the valid one with the middle CPU, or why none is valid."""
    valid = sorted((each for each in windows if not each.void), key=lambda each: each.serving_us)
    if not valid:
        broken = windows[0]
        return f"| {broken.server} | {broken.question} c={broken.connections} | void: {broken.void} |||||||"
    it = valid[len(valid) // 2]
    return (
        f"| {it.server} | {it.question} c={it.connections} | {it.serving_us:.1f} | {it.office_us:.1f} "
        f"| {it.units_per_second:.0f} | {it.first_byte_p50_ms:.2f} / {it.first_byte_p99_ms:.2f} "
        f"| {it.total_p50_ms:.2f} / {it.total_p99_ms:.2f} | {it.memory_mb:.0f} | {it.foreign:.0%} |"
    )


def chart(windows: Sequence[Window], question: Question) -> str:
    """Gives the drawing of what each server and number of connections took for a question."""
    costs: dict[str, list[float]] = {}
    for each in windows:
        if each.question == question.name and each.server != "direct" and not each.void:
            costs.setdefault(f"{each.server}, {each.connections}", []).append(each.serving_us)
    bars = [Bar(name, sorted(several)[len(several) // 2]) for name, several in costs.items()]
    return barred(f"{question.name}: microseconds of CPU for each request", bars)


def setting() -> str:
    """What the figures were taken on: processor, cores, Python, the libraries that matter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "httptools", "litestar"))
    machine = f"{model}, {os.cpu_count()} cores"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {platform.python_version()}, {libraries}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m perf.bench", description=__doc__)
    parser.add_argument("--server", action="append", choices=COMMANDS, help="only these, may be given again")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these")
    parser.add_argument("--gateway", help="another command for the gateway, with {port}, {upstream} and {data}")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each case")
    parser.add_argument("--json", type=Path, help="append every window to this file, one JSON line each")
    parser.add_argument("--chart", type=Path, help="draw what plain requests cost into this SVG")
    options = parser.parse_args(arguments)
    commands = {name: COMMANDS[name] for name in options.server or COMMANDS}
    if options.gateway:
        commands["gateway"] = options.gateway
    cases = [case for case in CASES if not options.case or case.name in options.case]
    try:
        with pinned(cores().load), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured = runner.run(bench(commands, cases, options.rounds))
    except NotAnswering as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        with options.json.open("ab") as output:
            output.writelines(msgspec.json.encode(each) + b"\n" for each in measured)
    if options.chart:
        options.chart.write_text(chart(measured, PLAIN))
    return 1 if any(each.void for each in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
