#!/usr/bin/env python3
"""Makes markdown tables of what measure.py wrote: of several runs of one thing the one with the middle CPU.

    tables.py perf/run/peers.jsonl
"""

import json
import sys
from pathlib import Path
from statistics import median_low

PLAIN = (
    ("requests/s", "{rps:.0f}"),
    ("p50 ms", "{p50_ms:.2f}"),
    ("p99 ms", "{p99_ms:.2f}"),
)
STREAM = (
    ("streams/s", "{streams_s:.0f}"),
    ("first byte p50 ms", "{ttfb_p50:.2f}"),
    ("first byte p99 ms", "{ttfb_p99:.2f}"),
    ("gap p50 ms", "{gap_p50:.2f}"),
    ("gap p99 ms", "{gap_p99:.2f}"),
)
SHARED = (
    ("CPU us", "{cpu_us:.1f}"),
    ("range", "{low:.1f}..{high:.1f}"),
    ("office us", "{office_us:.1f}"),
    ("PSS MB", "{memory_mb:.0f}"),
    ("foreign", "{foreign:.0%}"),
    ("errors", "{errors:.0f}"),
)


def main() -> None:
    rows = [json.loads(line) for path in sys.argv[1:] for line in Path(path).read_text().splitlines()]
    for kind, columns in (("plain", PLAIN), ("stream", STREAM)):
        groups: dict[tuple[float, float], dict[str, list[dict[str, float]]]] = {}
        for row in rows:
            if row["kind"] == kind:
                groups.setdefault((row["pace"], row["c"]), {}).setdefault(row["name"], []).append(row)
        for (pace, connections), servers in sorted(groups.items()):
            unit = "request" if kind == "plain" else f"event, {pace:.0f} ms between events"
            print(f"\n{kind.capitalize()}, {connections:.0f} connections; CPU for each {unit}:\n")
            table(servers, (*columns, *SHARED))


def table(servers: dict[str, list[dict[str, float]]], columns: tuple[tuple[str, str], ...]) -> None:
    print("| server | " + " | ".join(title for title, _ in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    chosen = [(name, middle(rows)) for name, rows in servers.items()]
    for name, row in sorted(chosen, key=lambda pair: pair[1]["cpu_us"]):
        print(f"| {name} | " + " | ".join(form.format(**row) for _, form in columns) + " |")


def middle(rows: list[dict[str, float]]) -> dict[str, float]:
    costs = [row["cpu_us"] for row in rows]
    it = next(row for row in rows if row["cpu_us"] == median_low(costs))
    return {**it, "low": min(costs), "high": max(costs)}


if __name__ == "__main__":
    main()
