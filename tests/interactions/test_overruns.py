"""Overruns: what one caller asks may take its time, and nobody else loses a protection, a tool or an answer by it."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.hooks import OVERRUNS_BEFORE_QUARANTINE
from tests.interactions.crossing import AUDIT_ID, RISKY, SAFETY_MODE, Crossing, crossing

SETTINGS = """
mode: enforce
server: {drain_timeout: 2}
plugins:
  log: {to: nowhere}
  signals: {off: [stress], budget_ms: 0.001}
  modulation: {budget_ms: 0.001}
  tool_governance: {budget_ms: 0.001}
auth:
  keys: [{key: lk-slow}, {key: lk-slow-too}, {key: lk-other}, {key: lk-calm}]
"""
FUNCTION = {"type": "function", "function": {"name": "look_up", "parameters": {}}}
SAYS = "!tool look_up {}"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossing]:
    """A gateway whose protecting plugins overrun whatever they are asked, and were asked a lot by two callers."""
    with crossing(tmp_path_factory.mktemp("overruns"), SETTINGS) as running:
        for _ in range(OVERRUNS_BEFORE_QUARANTINE):
            for key in ("lk-slow", "lk-slow-too"):
                running.chat(key, SAYS, {"x-lukhas-tools": "retrieval"} | RISKY, tools=[FUNCTION])
        yield running


def faults(gateway: Crossing, audit_id: str) -> dict[str, set[str]]:
    """Which plugins broke in an exchange, and how."""
    found: dict[str, set[str]] = {}
    for step in gateway.record(audit_id)["trail"]:
        if "fault" in step:
            found.setdefault(step["plugin"], set()).add(step["fault"].partition(":")[0])
    return found


def test_the_signals_of_another_caller_are_read_and_act(slow: Crossing) -> None:
    answer = slow.chat("lk-other", "Hello", RISKY, temperature=1.9)

    assert (answer.status_code, answer.headers[SAFETY_MODE]) == (200, "strict")
    assert slow.sent()["temperature"] < 1


def test_the_tools_of_another_caller_go_out_and_their_calls_come_back(slow: Crossing) -> None:
    answer = slow.chat("lk-calm", SAYS, tools=[FUNCTION])
    choice: Any = answer.json()["choices"][0]

    assert slow.sent()["tools"] == [FUNCTION]
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "look_up"
    assert faults(slow, answer.headers[AUDIT_ID])["tool_governance"] == {"overran"}
