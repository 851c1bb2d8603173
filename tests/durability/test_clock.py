"""A wall clock that is set back and forth while the gateway runs: only what stands in records as a moment moves.

Needs libfaketime: `apt-get install libfaketime`.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from storage.segments import segments
from tests.builders.served import KEY, Served, eventually, lukhas, served
from tests.durability.operator import Operator
from tests.durability.running import ENVIRON

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
pytestmark = pytest.mark.skipif(not LIBRARIES, reason="THE CLOCK WAS NOT SET: apt-get install libfaketime")
STREAM = {
    "model": "gpt-4o-mini",
    "stream": True,
    "messages": [{"role": "user", "content": "!chunks 10 pace=40"}],
}
HOUR_MS = 3_600_000


class Clock:
    """What the gateway takes for the time: ours, and an offset in seconds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        self._file.write_text(offset)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "offset")


@pytest.fixture
def running(clock: Clock, tmp_path: Path) -> Iterator[Served]:
    """A gateway whose wall clock is ours to set; the monotonic one is the system's."""
    environ = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "offset"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with served(tmp_path, "--simulate", environ={**ENVIRON, **environ}) as running:
        yield running


def streamed(running: Served, clock: Clock, offset: str) -> str:
    """Asks for a stream and sets the clock in its middle; gives the exchange's id."""
    with httpx.stream("POST", f"{running.url}/v1/chat/completions", headers=KEY, json=STREAM) as reply:
        lines = reply.iter_lines()
        next(lines)
        clock.set(offset)
        assert list(lines)[-2] == "data: [DONE]"
        return str(reply.headers["x-lukhas-audit-id"])


def test_a_clock_that_jumps_an_hour_moves_no_duration_and_loses_no_record(running: Served, clock: Clock) -> None:
    with Operator(running.url) as operator:
        asked = [operator.asks()]
        for offset in ("-3600", "+3600", "+0"):
            asked += [streamed(running, clock, offset), operator.asks(), operator.asks()]
            assert operator.readiness() == (200, "ready", {})
        eventually(lambda: operator.ids() == sorted(asked))
        assert {operator.record(audit_id)["outcome"] for audit_id in asked} == {"answered"}
    ended = running.ended()
    assert [line["audit_id"] for line in ended] == asked
    durations = [line[name] for line in ended for name in ("total_ms", "first_byte_ms", "overhead_ms")]
    assert all(0 <= each < HOUR_MS / 60 for each in durations)
    assert len({line["started"][:13] for line in ended}) >= 3, "the clock was not set"
    # Each jump ends a segment: its hour is over, or would never come.
    assert len([each for each in segments(running.data / "journal") if each.writer == "worker-0"]) == 4
    verified = lukhas("audit", "verify", "--data", "data", cwd=running.folder)
    assert verified.returncode == 0, verified.stdout
