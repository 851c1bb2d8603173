"""Prints what the warehouse costs: taking the journal in, answering typical questions, and bytes in Parquet.

    python -m perf.warehouse_cost                     one million exchanges over six hours, which takes some minutes
    python -m perf.warehouse_cost --exchanges 100000

The CPU is that of this process, whose DuckDB has one thread.
"""

import argparse
import base64
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import msgspec

from storage.sql_sandbox import Limits, Sandbox
from storage.warehouse import Warehouse

HOURS = 6
START = datetime(2026, 3, 14, 9, tzinfo=UTC)
LINES_PER_SEGMENT = 80_000
MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o3", "o4-mini", "gpt-5", "gpt-5-mini")
TOOLS = ("browser", "code_exec", "retrieval", "scheduler", "delete_files", "send_mail")
PLUGINS = (
    ("identify", "sign_in"),
    ("admit", "tier_check"),
    ("observe", "moods"),
    ("judge", "rules"),
    ("route", "routing"),
    ("shape", "modulation"),
    ("review", "guard"),
    ("account", "usage"),
)
QUESTIONS = {
    "p95 by model and minute over 6 h": (
        "SELECT date_trunc('minute', started) AS minute, model, quantile_cont(total_ms, 0.95) AS p95_ms "
        "FROM exchanges WHERE started >= $since AND outcome = 'answered' GROUP BY ALL ORDER BY ALL"
    ),
    "the same from latency_minute": (
        "SELECT minute, model, p95_ms FROM latency_minute WHERE minute >= $since ORDER BY ALL"
    ),
    "cost by principal and day": (
        "SELECT day, caller, sum(cost) AS cost FROM usage_daily WHERE day >= $since::DATE "
        "GROUP BY ALL ORDER BY cost DESC"
    ),
    "top blocked tools": (
        "SELECT tool, reason, count(*) AS n FROM incidents WHERE happened >= $since "
        "GROUP BY ALL ORDER BY n DESC LIMIT 10"
    ),
    "one exchange by its id": "SELECT * FROM exchanges WHERE audit_id = $id AND started >= $since",
    "what one caller did, as the caller": (
        "SELECT outcome, count(*) FROM exchanges WHERE started >= $since GROUP BY ALL"
    ),
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    count = parser.parse_args().exchanges
    with tempfile.TemporaryDirectory(prefix="warehouse-cost-") as folder:
        data = Path(folder)
        written = write_journal(data, count)
        warehouse = Warehouse(data)
        warehouse.open()
        print_ingest(warehouse, count, written)
        print_questions(warehouse, "in the tables")
        print_archive(warehouse)
        print_questions(warehouse, "in Parquet")
        warehouse.close()


def write_journal(data: Path, count: int) -> int:
    """Writes segments of one writer; gives their bytes."""
    folder = data / "journal" / "worker-0"
    folder.mkdir(parents=True)
    lines = events(count, random.Random(1))
    number = written = 0
    while chunk := [msgspec.json.encode(event) + b"\n" for event in islice(lines, LINES_PER_SEGMENT)]:
        number += 1
        written += (folder / f"{number:08d}.jsonl").write_bytes(b"".join(chunk))
    return written


def events(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Gives the events of so many exchanges: both their lines, and an incident for every fiftieth."""
    callers = [f"key:{chance.randbytes(8).hex()}" for _ in range(500)]
    for number in range(count):
        started = START + timedelta(hours=HOURS) * number / count
        caller = chance.choice(callers)
        first, last = exchange(started, caller, chance)
        yield first
        if number % 50 == 0:
            incident = {"audit_id": first["audit_id"], "at": first["at"], "caller": caller, "action": "blocked"}
            yield {"event": "incident", **incident, "tool": chance.choice(TOOLS), "reason": "not_allowed"}
        yield last


def exchange(started: datetime, caller: str, chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Gives the two lines of an exchange, with as much chance in them as there is in real ones."""
    took = chance.lognormvariate(-0.5, 0.8)
    tokens_in, tokens_out = chance.randrange(20, 4000), chance.randrange(5, 900)
    model = chance.choice(MODELS)
    usage = {"answer": "usage", "input_tokens": tokens_in, "output_tokens": tokens_out}
    request_id = f"req_{chance.randbytes(16).hex()}"
    shared = {
        "audit_id": audit_id(started, chance),
        "caller": caller,
        "tier": "T2",
        "endpoint": "chat.completions",
        "method": "POST",
        "model": model,
    }
    answers = {
        "sign_in": {"answer": "caller", "principal": caller, "tier": "T2", "kind": "gateway_key"},
        "moods": {"answer": "signals", "levels": {"stress": round(chance.random(), 2)}},
        "usage": usage,
    }
    at = 0
    trail = []
    for hook, plugin in PLUGINS:
        at += chance.randrange(3_000, 30_000)
        step = {
            "hook": hook,
            "plugin": plugin,
            "version": "0.1.0",
            "began_ns": at,
            "took_ns": chance.randrange(900, 9000),
        }
        trail.append(step | ({"answer": answers[plugin]} if plugin in answers else {}))
    attempt = {
        "upstream": "default",
        "model": model,
        "began_ns": at + chance.randrange(5_000),
        "first_byte_ns": int(took * 8e8),
        "ended_ns": int(took * 1e9),
        "status": 200,
        "request_id": request_id,
    }
    ended = {
        "started": started,
        "ended": started + timedelta(seconds=took),
        "status": 200,
        "outcome": "answered",
        "streamed": chance.random() < 0.5,
        "model_used": f"{model}-2026-01-01",
        "upstream_request_id": request_id,
        "usage": usage,
        "overhead_ms": chance.uniform(0.1, 0.4),
        "first_byte_ms": took * 800,
        "total_ms": took * 1000,
        "cost": tokens_in * 2.5e-6 + tokens_out * 1e-5,
        "cost_basis": "2026-01-01",
        "safety_mode": "balanced",
        "prompt_hash": chance.randbytes(32).hex(),
        "answer_hash": chance.randbytes(32).hex(),
        "attempts": [attempt],
        "trail": trail,
        "seal": seal(chance),
    }
    return {"event": "began", **shared, "at": started, "seal": seal(chance)}, {"event": "ended", **shared, **ended}


def audit_id(started: datetime, chance: random.Random) -> str:
    """Gives a UUID of version 7 of a given moment."""
    moment = int(started.timestamp() * 1000).to_bytes(6, "big")
    return f"A-{UUID(bytes=moment + chance.randbytes(10), version=4)}".replace("-4", "-7", 1)


def seal(chance: random.Random) -> str:
    """Gives what is as long, and as random, as a seal."""
    return base64.urlsafe_b64encode(chance.randbytes(32)).decode().rstrip("=")


def print_ingest(warehouse: Warehouse, count: int, written: int) -> None:
    """Takes everything in."""
    began, cpu = perf_counter(), process_time()
    passes = warehouse.catch_up()
    took, cpu = perf_counter() - began, process_time() - cpu
    lines = sum(each.lines for each in passes)
    longest = written / len(passes) / 1e6
    print(f"{count:,} exchanges, {lines:,} events, {written / 1e6:,.0f} MB of journal")
    print(f"ingest: {lines / took:,.0f} events/s, {lines / cpu:,.0f} events per second of CPU")
    print(f"a pass of {longest:.1f} MB: {took / len(passes) * 1000:.0f} ms on average")


def print_questions(warehouse: Warehouse, where: str) -> None:
    """Asks each question five times, as people do: through the sandbox."""
    sandbox = Sandbox(warehouse, warehouse.folder)
    since = START.replace(tzinfo=None)
    [audit_id] = msgspec.json.decode(sandbox.query("SELECT max(audit_id) FROM exchanges", principal=None).body)["rows"][
        0
    ]
    [caller] = msgspec.json.decode(sandbox.query("SELECT max(caller) FROM exchanges", principal=None).body)["rows"][0]
    for name, sql in QUESTIONS.items():
        parameters = {"since": since, "id": audit_id} if "$id" in sql else {"since": since}
        principal = caller if "as the caller" in name else None
        times = []
        for _ in range(5):
            began = perf_counter()
            rows = sandbox.query(sql, parameters, principal=principal, limits=Limits(rows=10_000)).rows
            times.append((perf_counter() - began) * 1000)
        print(f"{where}: {name}: {median(times):.0f} ms, {rows} rows")
    sandbox.close()


def print_archive(warehouse: Warehouse) -> None:
    """Moves everything to Parquet."""
    before = warehouse.compact().after
    began = perf_counter()
    for moved in warehouse.archive(date(2026, 3, 15)):
        print(f"Parquet: {moved.kind}: {moved.bytes / moved.rows:.0f} bytes a row, {moved.bytes / 1e6:.1f} MB")
    print(f"moved in {perf_counter() - began:.1f} s; the tables took {before / 1e6:.1f} MB before")
    began = perf_counter()
    done = warehouse.compact()
    print(f"compacted to {done.after / 1e6:.1f} MB in {perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
