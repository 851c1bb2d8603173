#!/usr/bin/env python3
"""Drives one server with wrk (plain) or stream_load (streams) and says what a request or an event cost it.

    measure.py http://127.0.0.1:8000 --name gateway --pid PID --conc 32,1 --json perf/run/plain.jsonl
    measure.py http://127.0.0.1:8000 --name gateway --pid PID --stream --pace 10 --conc 20,200

Needs the mock upstream (serve.sh mock). CPU is that of the whole process tree below PID, the office apart; `foreign` is
the share of a core that went to programs which are neither the server, the load nor the mock.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
PERF = HERE.parent
sys.path.insert(0, str(PERF.parent))

from perf.processes import busy_seconds, cpu_seconds, memory_mb, tree  # noqa: E402

PROMPT = "Summarise the following support ticket politely and briefly. " * 6


def main() -> None:
    options = arguments()
    drive(options, 8, options.warm)
    for connections in (int(each) for each in options.conc.split(",")):
        quiet(options.quiet_wait)
        row = drive(options, connections, options.secs)
        print(line(row), flush=True)
        if options.json:
            with options.json.open("a") as output:
                output.write(json.dumps(row) + "\n")


def drive(options: argparse.Namespace, connections: int, seconds: float) -> dict[str, object]:
    """One load, with the clocks read around it."""
    mock = int((PERF / "run" / "mock.pid").read_text())
    watched = (*tree(options.pid), *tree(mock))
    before, busy, own, begun = cpu_seconds(watched), busy_seconds(), children(), time.monotonic()
    told = (streams if options.stream else requests)(options, connections, seconds)
    after = cpu_seconds(watched)
    elapsed = time.monotonic() - begun
    spent = {each: after.get(each.pid, 0.0) - before.get(each.pid, 0.0) for each in watched}
    server = tree(options.pid)
    office = sum(spent.get(each, 0.0) for each in server if each.role == "office")
    serving = sum(spent.get(each, 0.0) for each in server if each.role != "office")
    load = children() - own
    mocked = 0.0 if options.pid == mock else sum(spent[each] for each in tree(mock))
    units = max(1.0, told["events" if options.stream else "n"])
    return {
        **told,
        "name": options.name,
        "kind": "stream" if options.stream else "plain",
        "pace": options.pace,
        "c": connections,
        "cpu_us": 1e6 * serving / units,
        "office_us": 1e6 * office / units,
        "memory_mb": memory_mb(server),
        "cpu_share": serving / elapsed,
        "foreign": max(0.0, busy_seconds() - busy - serving - office - load - mocked) / elapsed,
    }


def requests(options: argparse.Namespace, connections: int, seconds: float) -> dict[str, float]:
    environment = dict(
        os.environ, MODEL=options.model, AUTH=options.auth, EXTRA="|".join(options.header), CHAT_PATH=options.path
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "--latency", "-s"]
    return run(options, [*command, str(HERE / "chat.lua"), options.base], environment)


def streams(options: argparse.Namespace, connections: int, seconds: float) -> dict[str, float]:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": PROMPT},
    ]
    body = {"model": options.model, "temperature": 0.2, "max_tokens": 256, "stream": True, "messages": messages}
    headers = [f"Authorization: Bearer {options.auth}", *(each.replace(":", ": ", 1) for each in options.header)]
    command = [str(PERF / "bin" / "stream_load"), options.base.removeprefix("http://"), options.path]
    return run(options, [*command, str(connections), str(seconds), json.dumps(body), *headers], dict(os.environ))


def run(options: argparse.Namespace, command: list[str], environment: dict[str, str]) -> dict[str, float]:
    pinned = [str(HERE / "prio.sh"), "taskset", "-c", options.core, *command]
    done = subprocess.run(pinned, env=environment, capture_output=True, text=True, start_new_session=True)
    found = re.search(r"RESULT (.*)", done.stdout)
    if not found:
        sys.exit(done.stdout + done.stderr)
    return {key: float(value) for key, value in (pair.split("=") for pair in found[1].split())}


def children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def quiet(limit: float) -> None:
    """Waits until the machine rests, or for `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(0.5)
        if busy_seconds() - before < 0.12:
            return


def line(row: Mapping[str, object]) -> str:
    if row["kind"] == "plain":
        told = "rps={rps:.0f} p50={p50_ms:.3f} p99={p99_ms:.3f} ms"
    else:
        told = "pace={pace} streams/s={streams_s:.1f} first={ttfb_p50:.2f}/{ttfb_p99:.2f} ms no_done={no_done:.0f}"
    shared = "cpu={cpu_us:.1f} us office={office_us:.1f} us {memory_mb:.0f} MB foreign={foreign:.0%} errors={errors:.0f}"
    return f"{{name:12s}} c={{c:<4}} {told} {shared}".format_map(row)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--name", required=True)
    parser.add_argument("--pid", type=int, required=True, help="the server; all processes below it are counted")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--pace", type=int, default=0, help="what the mock was started with, for the record")
    parser.add_argument("--conc", default="32,1")
    parser.add_argument("--secs", type=float, default=5)
    parser.add_argument("--warm", type=float, default=2)
    parser.add_argument("--model", default="gpt-4o-mini")
    parser.add_argument("--auth", default="sk-bench")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--core", default="1", help="of the load")
    parser.add_argument("--quiet-wait", type=float, default=6)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
