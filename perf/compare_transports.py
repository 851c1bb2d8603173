"""What each way to the upstream costs: the same small proxy over the own pool, aiohttp, httpx and pyreqwest.

    python -m perf.compare_transports [--pyreqwest PYTHON] [--rounds 3]

`--pyreqwest` is an interpreter that has pyreqwest, uvicorn, uvloop and the gateway's dependencies.
"""

import argparse
import shlex
import sys
from asyncio import Runner
from collections.abc import Sequence
from pathlib import Path

import uvloop

from perf.bench import CASES, bench
from perf.servers import NotAnswering, cores, pinned


def command(transport: str, python: Path) -> str:
    """The command line of the small proxy, with {port} and {upstream} to be filled in."""
    return f"{shlex.quote(str(python))} -m perf.transport_proxy {transport} --port {{port}} --upstream {{upstream}}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m perf.compare_transports", description=__doc__)
    parser.add_argument("--transport", action="append", help="only these: own, aiohttp, httpx, pyreqwest")
    parser.add_argument("--pyreqwest", type=Path, help="interpreter with pyreqwest; without it, it is left out")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each case")
    options = parser.parse_args(arguments)
    pythons = {name: Path(sys.executable) for name in ("own", "aiohttp", "httpx")}
    if options.pyreqwest:
        pythons["pyreqwest"] = options.pyreqwest
    names = [name for name in options.transport or pythons if name in pythons]
    cases = [case for case in CASES if not options.case or case.name in options.case]
    try:
        with pinned(cores().load), Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured = runner.run(bench({name: command(name, pythons[name]) for name in names}, cases, options.rounds))
    except NotAnswering as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if any(each.void for each in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
