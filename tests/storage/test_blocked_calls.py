"""Blocked calls in the warehouse: those of late, by pseudonym, counted by tool, and the events about them."""

from datetime import timedelta
from pathlib import Path

import pytest

from storage.blocked_calls import BlockedCall, BlockedCalls, BlockedCount
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseError
from tests.builders.segments import WHEN, Writer, moment
from tests.builders.warehouses import warehouse

SECOND = timedelta(seconds=1)


def written(data: Path) -> None:
    writer = Writer(data)
    writer.segment()
    for after, tool, caller in ((0, "browser", "p-ada"), (1, "shell", "p-bob"), (2, "browser", "p-bob")):
        line = {"event": "incident", "audit_id": f"A-{after}", "at": moment(after), "caller": caller, "tool": tool}
        writer.append(line)
    writer.append({"event": "incident", "audit_id": "A-9", "at": moment(3), "caller": None, "tool": "shell"})
    line = {"event": "incident", "audit_id": "A-8", "at": moment(3), "caller": "p-bob", "tool": "shell"}
    writer.append({**line, "action": "kept back"})
    writer.append({"event": "tightening", "id": "T-1", "at": moment(3)}, {"event": "flag", "at": moment(3)})


def test_calls_are_told_in_their_order_with_who_made_them(tmp_path: Path) -> None:
    written(tmp_path)
    with warehouse(tmp_path) as opened:
        assert BlockedCalls(opened).since(WHEN) == [
            BlockedCall("p-bob", WHEN + SECOND, "shell", "A-1"),
            BlockedCall("p-bob", WHEN + 2 * SECOND, "browser", "A-2"),
        ]


def test_counts_are_by_tool_and_have_those_of_nobody_too(tmp_path: Path) -> None:
    written(tmp_path)
    with warehouse(tmp_path) as opened:
        assert BlockedCalls(opened).counts(WHEN - SECOND) == [
            BlockedCount("browser", 2, 2, "A-2"),
            BlockedCount("shell", 2, 1, "A-9"),
        ]


def test_events_are_given_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path)
    with warehouse(tmp_path) as opened:
        (line,) = BlockedCalls(opened).events("tightening", WHEN)
        assert b'"T-1"' in line
        assert BlockedCalls(opened).events("tightening", WHEN + timedelta(days=1)) == []


def test_a_warehouse_that_is_closed_says_so(tmp_path: Path) -> None:
    calls = BlockedCalls(Warehouse(tmp_path))
    assert not calls.is_open
    with pytest.raises(WarehouseError):
        calls.since(WHEN)
