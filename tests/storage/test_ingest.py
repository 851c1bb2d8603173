"""The ingest: every line of the journal once, whatever stands in it, and whatever becomes of the process."""

import json
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.journal import Limits
from storage.packing import pack
from storage.segments import segments
from storage.warehouse import Warehouse
from tests.builders import journals
from tests.builders.segments import Writer, began, called, ended, exchange, moment
from tests.builders.warehouses import asked, ids, one, warehouse

# Takes the journal in, a little at a time, saying each time that it is still there.
TAKES_IN = """
import sys
from pathlib import Path
from storage.warehouse import Warehouse

warehouse = Warehouse(Path(sys.argv[1]), pass_bytes=20_000)
warehouse.open()
print("open", flush=True)
while True:
    print(warehouse.ingest().lines, flush=True)
"""


def test_an_exchange_stands_in_the_view_with_every_column_filled_from_its_line(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    refusal = {"answer": "refusal", "message": "No.", "code": "too_much", "status": 429}
    usage = {"input_tokens": 5, "output_tokens": 3, "cached_tokens": 2, "reasoning_tokens": 1}
    writer.append(
        ended(
            "A-1",
            took=0.5,
            usage=usage | {"estimated": True, "audio_input_tokens": 4},
            refusal=refusal,
            error="It broke.",
            safety_mode="strict",
            signals={"stress": 0.4},
            changes=[{"parameter": "temperature"}],
            trace_id="0af7651916cd43dd8448eb211c80319c",
            streamed=True,
            route={"targets": [{"upstream": "default", "model": "m"}], "answered": 0},
            tools=called("retrieval"),
            retrieval={"hits": 2, "characters": 340},
            mood="calm",
        )
    )
    with warehouse(tmp_path) as opened:
        [row] = asked(opened, "SELECT to_json(exchanges) FROM exchanges")
    found = json.loads(row[0])
    expected: dict[str, Any] = {
        "audit_id": "A-1",
        "started": "2026-03-14 09:26:53.589793",
        "ended": "2026-03-14 09:26:54.089793",
        "caller": "key:ada",
        "tier": "T2",
        "endpoint": "chat.completions",
        "method": "POST",
        "status": 200,
        "outcome": "answered",
        "streamed": True,
        "model": "gpt-4o-mini",
        "model_used": "gpt-4o-mini-2024-07-18",
        "upstream_request_id": ended("A-1")["upstream_request_id"],
        "input_tokens": 5,
        "output_tokens": 3,
        "cached_tokens": 2,
        "cost": 0.0000345,
        "overhead_ms": 0.151,
        "first_byte_ms": 450.0,
        "total_ms": 500.0,
        "safety_mode": "strict",
        "signals": {"stress": 0.4},
        "changes": [{"parameter": "temperature"}],
        "refusal": "too_much",
        "error": "It broke.",
        "reasoning_tokens": 1,
        "usage_estimated": True,
        "cost_basis": "gpt-4o-mini-2024-07-18 from 2024-07-18",
        "refusal_message": "No.",
        "refusal_status": 429,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "prompt_hash": ended("A-1")["prompt_hash"],
        "answer_hash": ended("A-1")["answer_hash"],
        "audio_input_tokens": 4,
        "audio_output_tokens": None,
        "route": {"targets": [{"upstream": "default", "model": "m"}], "answered": 0},
        "tools": called("retrieval"),
        "retrieval": {"hits": 2, "characters": 340},
        "upstream_status": 200,
        "decide_ms": 0.101,
        "wait_ms": 449.899,
        "relay_ms": 49.95,
        "more": {"mood": "calm"},
        "writer": "worker-0",
        "segment": 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert list(found)[:24] == list(expected)[:24]


def test_what_an_exchange_has_not_is_null_and_not_nought(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(ended("A-1", usage=None, cost=None, caller=None, attempts=[], trail=[], prompt_hash=None))
    with warehouse(tmp_path) as opened:
        columns = "input_tokens, cached_tokens, usage_estimated, cost, caller, prompt_hash, refusal, signals, more"
        assert asked(opened, f"SELECT {columns} FROM exchanges") == [(None,) * 9]


def test_a_second_pass_takes_only_what_is_new(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange("A-1"))
    with warehouse(tmp_path) as opened:
        writer.append(*exchange("A-2"))
        assert opened.ingest().lines == 2
        assert opened.ingest().lines == 0
        assert ids(opened) == ["A-1", "A-2"]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    line = writer.sealed(ended("A-1"))
    writer.append_raw(line[:100])
    with warehouse(tmp_path) as opened:
        assert ids(opened) == []
        writer.append_raw(line[100:])
        assert opened.ingest().lines == 1
        assert ids(opened) == ["A-1"]


def test_a_torn_line_at_the_end_of_a_closed_segment_is_counted_once(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange("A-1"))
    writer.append_raw(b'{"event":"ended","audit')
    writer.segment()
    opened = Warehouse(tmp_path)
    opened.open()
    assert [opened.ingest().torn, opened.ingest().torn] == [1, 0]
    assert one(opened, "SELECT torn FROM warehouse.kept.segments WHERE segment = 1") == 23
    opened.close()


def test_a_writer_that_found_no_room_for_the_next_segment_is_followed_in_the_old_one(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    first = writer.segment()
    writer.append(*exchange("A-1"))
    half = writer.folder / "00000002.jsonl"
    half.write_bytes(b'{"event":"segment","wr')
    with warehouse(tmp_path) as opened:
        half.unlink()
        writer.append(*exchange("A-2"))
        opened.catch_up()
        assert ids(opened) == ["A-1", "A-2"]
        half.write_bytes(b'{"event":"segment","wr')
        writer.number = 2
        writer.segment()
        opened.catch_up()
        assert ("worker-0", 1) in opened.taken_in
        assert first.exists()


def test_a_line_that_cannot_be_read_is_kept_aside_and_stops_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(ended("A-1"))
    unreadable = b'{"event":"ended","audit_id":"A-2","status":"three"}'
    not_text = b'{"event":"ended","audit_id":"\xff"}'
    writer.append_raw(unreadable + b"\n" + b"not json\n" + not_text + b"\n\n")
    writer.append(ended("A-3"), ended("A-4", attempts={"a": 1}), ended("A-5"))
    with warehouse(tmp_path) as opened:
        assert ids(opened) == ["A-1", "A-3", "A-5"]
        found = asked(opened, "SELECT line, reason FROM warehouse.kept.malformed ORDER BY position")
        assert [line for line, _ in found[:4]] == [unreadable, b"not json", not_text, b""]
        assert b'"A-4"' in found[4][0]
        assert all(reason for _, reason in found)
        assert one(opened, "SELECT sum(exchanges) FROM usage_daily") == 3


def test_events_and_members_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append({"event": "eclipse", "audit_id": "A-1", "at": moment(), "caller": "key:ada", "shade": 0.5})
    with warehouse(tmp_path) as opened:
        [(event, audit_id, happened, caller, line)] = asked(
            opened, "SELECT event, audit_id, happened, caller, line FROM warehouse.kept.events"
        )
    assert (event, audit_id, caller) == ("eclipse", "A-1", "key:ada")
    assert happened == datetime(2026, 3, 14, 9, 26, 53, 589793)
    assert json.loads(line)["shade"] == 0.5


def test_an_exchange_is_lost_once_its_writer_has_begun_anew_and_found_when_its_end_comes(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(began("A-1"), began("A-2"))
    with warehouse(tmp_path) as opened:
        assert ids(opened) == []
        writer.segment()
        writer.append(*exchange("A-3"))
        opened.ingest()
        outcomes = "SELECT audit_id, outcome FROM exchanges ORDER BY audit_id"
        assert asked(opened, outcomes) == [("A-1", "lost"), ("A-2", "lost"), ("A-3", "answered")]
        writer.append(ended("A-2"))
        opened.ingest()
        assert asked(opened, outcomes) == [("A-1", "lost"), ("A-2", "answered"), ("A-3", "answered")]


def test_no_exchange_is_lost_because_its_writer_goes_on_in_another_file_or_another_writer_begins(
    tmp_path: Path,
) -> None:
    writer, other = Writer(tmp_path), Writer(tmp_path, "worker-1")
    writer.segment()
    writer.append(began("A-1"))
    writer.segment(continues=True)
    for _ in range(3):
        other.segment()
    with warehouse(tmp_path) as opened:
        assert ids(opened) == []


def test_an_exchange_that_the_journal_carries_over_into_another_segment_is_not_lost(tmp_path: Path) -> None:
    journal = journals.opened(tmp_path, limits=Limits(segment_bytes=600))
    lines = [json.dumps(line, separators=(",", ":")).encode() for line in exchange("A-1")]
    journal.append_event(lines[0])
    for number in range(4):
        journal.append_event(journals.ended(number))
    with warehouse(tmp_path) as opened:
        assert journal.path.name > "00000001.jsonl"
        assert "A-1" not in ids(opened)
        journal.append_event(lines[1])
        opened.catch_up()
        assert one(opened, "SELECT outcome FROM exchanges WHERE audit_id = 'A-1'") == "answered"
    journal.close()


def test_sums_and_histograms_are_those_of_the_exchanges(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    chance = random.Random(5)
    for number in range(300):
        took = chance.lognormvariate(-1, 0.7)
        writer.append(
            *exchange(
                f"A-{number:03}",
                at=number * 400.0,
                took=took,
                caller=chance.choice(["key:ada", "key:bob", None]),
                cost=chance.choice([0.25, 0.5, None]),
                outcome=chance.choice(["answered", "answered", "refused", "cut"]),
            )
        )
    with warehouse(tmp_path, pass_bytes=30_000) as opened:
        assert asked(opened, "SELECT * FROM usage_daily ORDER BY ALL") == asked(
            opened,
            "SELECT started::DATE, caller, tier, endpoint, model, count(*), count(*) FILTER (outcome = 'answered'), "
            "count(*) FILTER (outcome = 'refused'), count(*) FILTER (outcome = 'cut'), sum(input_tokens), "
            "sum(output_tokens), sum(cached_tokens), coalesce(sum(cost), 0), count(*) FILTER (cost IS NULL) "
            "FROM exchanges GROUP BY ALL ORDER BY ALL",
        )
        apart = asked(
            opened,
            "SELECT max(abs(kept.p50_ms / exact.p50 - 1)), max(abs(kept.p95_ms / exact.p95 - 1)), count(*) "
            "FROM latency_minute AS kept JOIN (SELECT date_trunc('minute', started) AS minute, "
            "quantile_disc(total_ms, 0.5) AS p50, quantile_disc(total_ms, 0.95) AS p95 "
            "FROM exchanges WHERE outcome = 'answered' GROUP BY ALL) AS exact USING (minute)",
        )
    assert max(apart[0][:2]) < 0.026
    assert apart[0][2] > 100


def test_a_packed_segment_is_read_like_a_plain_one_also_from_its_middle(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    for number in range(50):
        writer.append(*exchange(f"A-{number:02}"))
    opened = Warehouse(tmp_path, pass_bytes=10_000)
    opened.open()
    opened.ingest()
    writer.segment()
    pack(segments(tmp_path / "journal")[0])
    opened.catch_up()
    assert ids(opened) == [f"A-{number:02}" for number in range(50)]
    opened.close()


def test_a_segment_that_was_cut_is_named_and_costs_nothing_else(tmp_path: Path) -> None:
    writer, other = Writer(tmp_path), Writer(tmp_path, "worker-1")
    for each, first in ((writer, "A-1"), (other, "A-2")):
        each.segment()
        each.append(*exchange(first))
    with warehouse(tmp_path) as opened:
        writer.path.write_bytes(writer.path.read_bytes()[:100])
        other.append(*exchange("A-3"))
        done = opened.ingest()
        assert ids(opened) == ["A-1", "A-2", "A-3"]
    assert [fault for fault in done.faults if str(writer.path) in fault and "shorter" in fault] == list(done.faults)


def test_a_segment_that_is_missing_is_named_and_costs_nothing_else(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    for number in range(3):
        writer.segment()
        writer.append(*exchange(f"A-{number}"))
    (writer.folder / "00000002.jsonl").unlink()
    with warehouse(tmp_path) as opened:
        assert ids(opened) == ["A-0", "A-2"]
        assert [fault for fault in opened.ingest().faults if "segment 2 is missing" in fault] != []


Split = list[tuple[bool, int]]


@settings(max_examples=25, deadline=None)
@given(
    moves=st.lists(st.tuples(st.sampled_from("abx"), st.integers(1, 9)), min_size=1, max_size=25),
    pass_bytes=st.integers(500, 20_000),
)
def test_every_line_is_taken_once_however_segments_are_split(moves: list[tuple[str, int]], pass_bytes: int) -> None:
    """`a` and `b` append with one writer or the other, which now and then begins a segment; `x` is a pass."""
    with TemporaryDirectory() as folder:
        data = Path(folder)
        writers = {"a": Writer(data, "worker-0"), "b": Writer(data, "worker-1")}
        for writer in writers.values():
            writer.segment()
        opened = Warehouse(data, pass_bytes=pass_bytes)
        opened.open()
        written = []
        for number, (who, count) in enumerate(moves):
            if who == "x":
                opened.ingest()
                continue
            if count == 1:
                writers[who].segment()
            for each in range(count):
                written.append(f"A-{number:02}-{each}")
                writers[who].append(*exchange(written[-1]))
        opened.catch_up()
        assert ids(opened) == sorted(written)
        assert one(opened, "SELECT coalesce(sum(exchanges), 0) FROM usage_daily") == len(written)
        opened.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_any_moment_neither_loses_nor_doubles_a_line(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    writer = Writer(tmp_path)
    written: list[str] = []
    for kill in range(4):
        writer.segment()
        for _ in range(300):
            written.append(f"A-{len(written):05}")
            writer.append(*exchange(written[-1]))
        process = subprocess.Popen(
            [sys.executable, "-c", TAKES_IN, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n", kill
        time.sleep(chance.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with warehouse(tmp_path) as opened:
        assert opened.rebuilt is None
        assert ids(opened) == written
        assert one(opened, "SELECT sum(exchanges) FROM usage_daily") == len(written)
