"""Runs of threads and their steps, whole and as the events that stream them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tests.builders.turns import halves

UPSTREAM = ("code_interpreter", "file_search")
"""The tools that the upstream runs by itself."""


def run_call(at: int, name: str, arguments: str = "{}") -> dict[str, Any]:
    """Gives a call as a run or a step tells it; what the upstream runs has a shape of its own."""
    if name == "code_interpreter":
        return {"id": f"call_{at}", "type": name, name: {"input": arguments, "outputs": []}}
    if name == "file_search":
        return {"id": f"call_{at}", "type": name, name: {"results": [{"attributes": {"type": "phone_call"}}]}}
    return {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}


def tool_of_run(name: str) -> dict[str, Any]:
    """Gives a tool as a run has it."""
    if name in UPSTREAM:
        return {"type": name}
    return {"type": "function", "function": {"name": name, "parameters": {"properties": {"tool_calls": {}}}}}


def a_run(calls: Sequence[dict[str, Any]], tools: Iterable[str] | None, **members: Any) -> dict[str, Any]:
    """Gives a run that waits for the results of calls of functions, or has none."""
    theirs = [call for call in calls if call["type"] == "function"]
    waits = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": theirs}} if theirs else None
    made = {} if tools is None else {"tools": [tool_of_run(name) for name in tools]}
    status = "requires_action" if waits else "completed"
    said = {"id": "run_1", "object": "thread.run", "thread_id": "t", "status": status, "parallel_tool_calls": True}
    return {**said, "required_action": waits, "usage": {"prompt_tokens": 3, "completion_tokens": 2}, **made, **members}


def a_step(calls: Sequence[dict[str, Any]], **members: Any) -> dict[str, Any]:
    """Gives the step in which calls were made."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    said = {"id": "step_1", "object": "thread.run.step", "type": "tool_calls", "status": "completed"}
    return {**said, "step_details": details, **members}


def run_events(calls: Sequence[dict[str, Any]], tools: Iterable[str] | None) -> bytes:
    """Gives the stream of a run: its beginning, the deltas of a message and of the calls, and what it waits for."""
    events: list[tuple[str, Any]] = [("thread.run.created", a_run([], tools, status="queued"))]
    said = {"content": [{"index": 0, "type": "text", "text": {"value": "I say tool_calls."}}]}
    events.append(("thread.message.delta", {"id": "msg_1", "object": "thread.message.delta", "delta": said}))
    if calls:
        events.append(("thread.run.step.created", a_step([], status="in_progress")))
        events += [
            ("thread.run.step.delta", _delta(at, piece)) for at, call in enumerate(calls) for piece in _cut(call)
        ]
        events.append(("thread.run.step.completed", a_step(calls)))
    last = a_run(calls, tools)
    events.append((f"thread.run.{last['status']}", last))
    told = b"".join(b"event: %b\ndata: %b\n\n" % (name.encode(), json.dumps(data).encode()) for name, data in events)
    return told + b"event: done\ndata: [DONE]\n\n"


def _delta(at: int, piece: dict[str, Any]) -> dict[str, Any]:
    details = {"type": "tool_calls", "tool_calls": [{"index": at, **piece}]}
    return {"id": "step_1", "object": "thread.run.step.delta", "delta": {"step_details": details}}


def _cut(call: dict[str, Any]) -> list[dict[str, Any]]:
    kind = call["type"]
    if kind != "function":
        return [call, {"type": kind, kind: {}}]
    function = call["function"]
    first = {**call, "function": {"name": function["name"], "arguments": ""}}
    return [first, *({"type": kind, "function": {"arguments": half}} for half in halves(function["arguments"]))]
