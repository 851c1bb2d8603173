"""The views: one row for each thing that happened, as the trail and the events tell it."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.warehouse import Warehouse
from tests.builders.segments import Writer, called, ended, moment
from tests.builders.warehouses import asked, warehouse


def step(hook: str, plugin: str, answer: dict[str, Any] | None) -> dict[str, Any]:
    return {"hook": hook, "plugin": plugin, "version": "1", "began_ns": 2_000_000, "took_ns": 5, "answer": answer}


TRAIL = [
    step(
        "observe",
        "moods",
        {
            "answer": "signals",
            "levels": {"stress": 0.4, 'odd "name"': 1, "urgency": 0.25},
            "because": {"stress": "late"},
        },
    ),
    step("observe", "quiet", None),
    step(
        "shape",
        "tune",
        {
            "answer": "nudge",
            "because": "stress",
            "changes": [
                {"type": "set", "path": ["temperature"], "value": 0.25},
                {"type": "remove", "path": ["tools", 0, "name"]},
            ],
        },
    ),
    step("judge", "rules", {"answer": "refusal", "message": "Not this.", "code": "no_way", "status": 403}),
    step("watch", "words", {"answer": "redact", "text": "***", "because": "a key"}),
    step("watch", "words", {"answer": "release"}),
    step("review", "last", {"answer": "retry", "because": "too long", "changes": []}),
    step("admit", "tier_check", {"answer": "refusal", "message": "Tier.", "code": "tier", "status": 403}),
]


CHANGES = [
    {"hook": "route", "parameter": "model", "before": "gpt-4o", "after": "gpt-4o-mini", "because": "it is cheaper"},
    {"hook": "shape", "plugin": "tune", "parameter": "temperature", "before": 1, "after": 0.25, "because": "stress"},
    {"hook": "shape", "plugin": "tune", "kind": "remove", "parameter": "tools.0.name", "because": "stress"},
    {"hook": "shape", "plugin": "tune", "parameter": "top_p", "after": 0.5, "applied": False, "signal": "stress"},
]
TOOLS = {
    "allowed": ["retrieval", "browser"],
    "used": called("retrieval")["used"],
    "blocked": called("browser", "blocked", began_ns=4_000_000, because="tool_not_allowed")["blocked"],
}


@pytest.fixture(params=["in the tables", "in Parquet"], scope="module")
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One exchange with all that the views tell of, before and after its day is old."""
    data: Path = tmp_path_factory.mktemp("data")
    writer = Writer(data)
    writer.segment()
    attempts = [
        {"upstream": "a", "model": "m", "began_ns": 1_000_000, "first_byte_ns": None, "ended_ns": 3_000_000},
        {
            "upstream": "b",
            "model": "m",
            "began_ns": 4_000_000,
            "first_byte_ns": 6_500_000,
            "ended_ns": 9_000_000,
            "status": 200,
        },
    ]
    attempts[0]["error"] = "refused"
    writer.append(
        ended("A-1", trail=TRAIL, attempts=attempts, changes=CHANGES, tools=TOOLS),
        {
            "event": "incident",
            "audit_id": "A-1",
            "at": moment(1),
            "caller": "key:ada",
            "tool": "browser",
            "reason": "not_allowed",
            "action": "blocked",
            "safety_mode": "strict",
            "prompt_hash": "ab",
            "tool_allowlist": ["retrieval"],
            "arguments": '{"url": ""}',
        },
        {
            "event": "feedback",
            "audit_id": "A-1",
            "at": moment(2),
            "caller": "key:ada",
            "rating": 4,
            "tags": ["kind"],
            "note": "Good.",
        },
    )
    with warehouse(data) as found:
        if request.param == "in Parquet":
            assert len(found.archive(date(2026, 3, 15))) == 3
        yield found


def test_attempts_have_their_times_and_errors(opened: Warehouse) -> None:
    columns = "audit_id, number, upstream, status, error, first_byte_ms, total_ms, happened"
    assert asked(opened, f"SELECT {columns} FROM attempts ORDER BY number") == [
        ("A-1", 1, "a", None, "refused", None, 2.0, datetime(2026, 3, 14, 9, 26, 53, 590793)),
        ("A-1", 2, "b", 200, None, 2.5, 5.0, datetime(2026, 3, 14, 9, 26, 53, 593793)),
    ]


def test_signals_are_those_that_plugins_found(opened: Warehouse) -> None:
    assert asked(opened, "SELECT signal, level, plugin, because, caller FROM signals ORDER BY level") == [
        ("urgency", 0.25, "moods", None, "key:ada"),
        ("stress", 0.4, "moods", "late", "key:ada"),
        ('odd "name"', 1.0, "moods", None, "key:ada"),
    ]


def test_changes_name_their_place_and_reason_and_what_was_there_before(opened: Warehouse) -> None:
    columns = "hook, plugin, kind, path, before, value, because, caller"
    assert asked(opened, "SELECT DISTINCT in_reply FROM changes") == [(False,)]
    assert asked(opened, f"SELECT {columns} FROM changes ORDER BY path") == [
        ("route", None, "set", "model", '"gpt-4o"', '"gpt-4o-mini"', "it is cheaper", "key:ada"),
        ("shape", "tune", "set", "temperature", "1", "0.25", "stress", "key:ada"),
        ("shape", "tune", "remove", "tools.0.name", None, None, "stress", "key:ada"),
        ("shape", "tune", "set", "top_p", None, "0.5", None, "key:ada"),
    ]
    assert asked(opened, "SELECT path, applied, signal FROM changes WHERE signal IS NOT NULL OR NOT applied") == [
        ("top_p", False, "stress")
    ]


def test_moderation_is_what_was_withheld_and_by_whom(opened: Warehouse) -> None:
    assert asked(opened, "SELECT hook, plugin, verdict, code, because FROM moderation ORDER BY hook") == [
        ("judge", "rules", "refusal", "no_way", "Not this."),
        ("review", "last", "retry", None, "too long"),
        ("watch", "words", "redact", None, "a key"),
    ]


def test_calls_of_tools_have_their_end_and_times(opened: Warehouse) -> None:
    columns = "tool, status, duration_ms, because, caller, happened"
    assert asked(opened, f"SELECT {columns} FROM tool_calls ORDER BY tool") == [
        ("browser", "blocked", 1.5, "tool_not_allowed", "key:ada", datetime(2026, 3, 14, 9, 26, 53, 593793)),
        ("retrieval", "ok", 1.5, None, "key:ada", datetime(2026, 3, 14, 9, 26, 53, 592793)),
    ]


def test_incidents_and_feedback_come_from_their_events(opened: Warehouse) -> None:
    [incident] = asked(opened, "SELECT * EXCLUDE (more) FROM incidents")
    at = datetime(2026, 3, 14, 9, 26, 54, 589793)
    assert incident[:6] == ("A-1", at, "key:ada", "browser", "not_allowed", "blocked")
    assert incident[6:] == ("ab", "strict", '["retrieval"]', '{"url": ""}', at)
    assert asked(opened, "SELECT rating, note, tags FROM feedback") == [(4.0, "Good.", ["kind"])]


def test_the_record_says_all_that_its_line_said(opened: Warehouse) -> None:
    [(more, trail)] = asked(opened, "SELECT more, trail FROM exchanges")
    assert more is None
    assert [each["plugin"] for each in trail if each["answer"]] == [each["plugin"] for each in TRAIL if each["answer"]]
    assert json.loads(trail[0]["answer"]) == TRAIL[0]["answer"]
