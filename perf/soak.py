"""Sends a million requests through one worker, and says whether its memory grows: a table, the slope, a plot.

python -m perf.soak                           1 000 000 requests, the first 100 000 of them to warm up
python -m perf.soak --requests 50000 --warm 10000 --plot soak.svg
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from perf.load import PLAIN, STREAM, Question, load
from perf.mock_upstream import mock_upstream
from perf.plot import Line, plotted
from perf.processes import memory_mb, own_memory_mb, tree
from perf.servers import GATEWAY, NotAnswering, Server, cores, pinned, serving

MOST_GROWTH_MB = 1.0
"""In ten minutes, after the warming up."""
_TEN_MINUTES = 600.0
_ROUNDS = 100
_STREAM_SHARE = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory after so many requests, `seconds` after the load began.

    `worker_mb` is the proportional set size of the worker in MB, which other programs with the same libraries move too;
    `own_mb` what is the worker's alone.
    """

    seconds: float
    requests: int
    worker_mb: float
    own_mb: float


async def soak(server: Server, requests: int, connections: int) -> list[Sample]:
    """Sends the requests, one in twenty a stream, and looks at the memory between rounds. Errors: NotAnswering."""
    samples: list[Sample] = []
    begun, sent = time.monotonic(), 0
    while sent < requests:
        count = min(max(1, requests // _ROUNDS), requests - sent)
        for question, share in ((PLAIN, count - count // _STREAM_SHARE), (STREAM, count // _STREAM_SHARE)):
            await _driven(server, question, share, connections)
        sent += count
        worker = [process for process in tree(server.pid) if process.role == "worker"]
        last = Sample(time.monotonic() - begun, sent, memory_mb(worker), own_memory_mb(worker))
        samples.append(last)
        print(f"{sent:>9} requests  {last.worker_mb:6.1f} MB, {last.own_mb:.1f} its own", file=sys.stderr, flush=True)
    return samples


async def _driven(server: Server, question: Question, requests: int, connections: int) -> None:
    if requests == 0:
        return
    tally = await load(server.port, question, connections=connections, requests=requests, limit=600.0)
    if tally.failures:
        raise NotAnswering(f"A request failed: {tally.failures[0]}")


def growth_mb(samples: Sequence[Sample], warm: int) -> float:
    """Gives the slope of the line through the worker's own memory after the warming up, in MB in ten minutes."""
    counted = [sample for sample in samples if sample.requests > warm]
    if len(counted) < 2:
        raise ValueError("too few samples after the warming up: send more requests")
    mean_s = sum(sample.seconds for sample in counted) / len(counted)
    mean_mb = sum(sample.own_mb for sample in counted) / len(counted)
    across = sum((sample.seconds - mean_s) ** 2 for sample in counted)
    along = sum((sample.seconds - mean_s) * (sample.own_mb - mean_mb) for sample in counted)
    return along / across * _TEN_MINUTES


async def _soaked(options: argparse.Namespace) -> list[Sample]:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        async with (
            mock_upstream() as upstream,
            serving("gateway", options.gateway, upstream_port=upstream, folder=Path(folder), on=cores()) as server,
        ):
            return await soak(server, options.requests, options.connections)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m perf.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--warm", type=int, default=100_000, help="requests that do not count for the slope")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--gateway", default=GATEWAY, help="command with {port}, {upstream} and {data}")
    parser.add_argument("--plot", type=Path, help="write the memory over time into this SVG")
    options = parser.parse_args(arguments)
    try:
        with pinned(cores().load), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            samples = runner.run(_soaked(options))
    except NotAnswering as error:
        print(error, file=sys.stderr)
        return 1
    grown = growth_mb(samples, options.warm)
    last = samples[-1]
    print(
        f"{last.requests} requests in {last.seconds:.0f} s: the worker has {last.worker_mb:.1f} MB, "
        f"and what is its own grows by {grown:+.2f} MB in ten minutes; at most {MOST_GROWTH_MB:g} is allowed."
    )
    if options.plot:
        whole = Line("PSS in MB", [(sample.requests, sample.worker_mb) for sample in samples])
        own = Line("its own, in MB", [(sample.requests, sample.own_mb) for sample in samples])
        options.plot.write_text(plotted("Memory of a worker", "requests", [whole, own]))
    return 1 if grown > MOST_GROWTH_MB else 0


if __name__ == "__main__":
    sys.exit(main())
