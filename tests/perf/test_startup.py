"""A start is told by what it costs, and a command that fails is no start."""

from pathlib import Path

import pytest

from perf.mock_upstream import mock_upstream
from perf.servers import NotAnswering
from perf.startup import Ran, Served, lines, ran, served


def test_the_middle_of_several_starts_is_told() -> None:
    starts = [
        Served(
            each, {"office": each, "worker": 0.5}, {"office": 90.0, "worker": 60.0}, {"office": 95.0, "worker": each}
        )
        for each in (2.0, 4.0, 3.0)
    ]
    told = list(lines({"check": [Ran(1.0, 0.9), Ran(3.0, 2.9), Ran(2.0, 1.9)]}, starts))
    assert "| `lukhas check` | 2.00 | 1.90 |" in told
    assert "| `lukhas serve`, until ready | 3.00 | 3.50 |" in told
    assert told[-2:] == ["| office | 3.00 | 90 | 95 |", "| worker | 0.50 | 60 | 3 |"]


def test_a_command_that_fails_is_no_start(tmp_path: Path) -> None:
    assert ran(("--version",), tmp_path).cpu_seconds > 0
    with pytest.raises(NotAnswering, match="No such command"):
        ran(("serf",), tmp_path)


async def test_a_gateway_is_ready_with_its_office_and_a_worker_below_what_is_promised(tmp_path: Path) -> None:
    async with mock_upstream() as upstream:
        start = await served(upstream, tmp_path)
    assert set(start.cpu_seconds) == set(start.memory_mb) == {"supervisor", "worker", "office"}
    assert 0 < start.memory_mb["worker"] < 150 > start.used_mb["worker"]
