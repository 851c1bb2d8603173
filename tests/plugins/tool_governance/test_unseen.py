"""Requests whose tools nobody can read pass, or are turned away where only listed tools may go out."""

from pathlib import Path
from typing import Any

import pytest

from gateway import Exchange
from gateway.endpoints import load_endpoints
from plugins.tool_governance.places import PLACES
from plugins.tool_governance.unseen import UNSEEN
from policies.tiers import matches
from tests.builders.governing import asking, function, governing

WITHOUT_TOOLS = (
    "assistants*",
    "audio.*",
    "batches.{batch_id}*",
    "chat.completions.{completion_id}",
    "chatkit.sessions.{session_id}.cancel",
    "completions",
    "containers*",
    "content_provenance_checks",
    "conversations*",
    "embeddings",
    "files*",
    "images.*",
    "moderations",
    "organization.*",
    "projects.*",
    "realtime.calls.{call_id}.*",
    "realtime.trans*",
    "responses.{response_id}*",
    "skills*",
    "threads",
    "threads.{thread_id}*",
    "uploads*",
    "vector_stores*",
    "videos*",
)
"""Endpoints that take a body and no tools in it, looked through in the OpenAI document."""
LISTED = "client_tools: listed\nlisted: [a]"
UNREAD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/batches", {"input_file_id": "file_1"}),
    ("/v1/realtime/calls", {}),
    ("/v1/evals", {}),
    ("/v1/evals/eval_1/runs", {}),
    ("/v1/fine_tuning/alpha/graders/run", {}),
    ("/v1/chatkit/sessions", {}),
    ("/v1/responses", {"prompt": {"id": "pmpt_1"}, "input": "Hi"}),
    ("/v1/threads/runs", {"assistant_id": "asst_1"}),
    ("/v1/threads/thread_1/runs", {"assistant_id": "asst_1"}),
    ("/v1/newer/than/this", {"tools": [function("a")]}),
)
READ: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/chat/completions", {"tools": [function("b")]}),
    ("/v1/responses", {"input": "Hi"}),
    ("/v1/threads/thread_1/runs", {"assistant_id": "asst_1", "tools": []}),
    ("/v1/assistants", {}),
    ("/v1/embeddings", {"input": "Hi"}),
    ("/v1/newer/than/this", {"tools": []}),
)


def code(plugin: Any, path: str, body: dict[str, Any], method: str = "POST") -> str | None:
    refusal = plugin.admit(asking(body, path, method=method))
    return None if refusal is None else refusal.code


@pytest.mark.parametrize(("path", "body"), UNREAD, ids=[f"{at}" for at in range(len(UNREAD))])
def test_what_cannot_be_read_is_turned_away_by_a_list_and_not_without_one(
    path: str, body: dict[str, Any], tmp_path: Path
) -> None:
    assert code(governing(tmp_path, LISTED), path, body) == "tools_unseen"
    assert code(governing(tmp_path, f"{LISTED}\nunseen: pass"), path, body) is None
    assert code(governing(tmp_path, "unseen: refuse"), path, body) == "tools_unseen"
    assert code(governing(), path, body) is None


@pytest.mark.parametrize(("path", "body"), READ, ids=[f"{at}" for at in range(len(READ))])
def test_what_can_be_read_is_shaped_and_not_turned_away(path: str, body: dict[str, Any], tmp_path: Path) -> None:
    assert code(governing(tmp_path, LISTED), path, body) is None


@pytest.mark.parametrize(("path", "body"), UNREAD, ids=[f"{at}" for at in range(len(UNREAD))])
def test_looking_something_up_is_not_turned_away(path: str, body: dict[str, Any], tmp_path: Path) -> None:
    assert code(governing(tmp_path, LISTED), path, body, "GET") is None


def test_every_endpoint_is_governed_or_cannot_be_read_or_has_no_tools() -> None:
    posted = {each.name for each in load_endpoints().endpoints if each.method == "POST"}
    rest = {name for name in posted if name not in PLACES and not matches(UNSEEN, name)}
    assert {name for name in rest if not matches(WITHOUT_TOOLS, name)} == set()
    assert {name for name in PLACES if name not in posted} == set()
    assert all(any(matches((pattern,), name) for name in posted) for pattern in (*UNSEEN, *WITHOUT_TOOLS))


def handshake(path: str) -> Exchange:
    exchange = asking({}, f"/v1{path}", method="GET", headers={"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    exchange.endpoint = load_endpoints().find("GET", path, "websocket")
    return exchange


@pytest.mark.parametrize("path", ["/live/x", "/realtime/translations", "/newer"])
def test_a_websocket_that_nobody_here_reads_is_turned_away_by_a_list(path: str, tmp_path: Path) -> None:
    refusal = governing(tmp_path, LISTED).admit(handshake(path))
    assert refusal is not None
    assert refusal.code == "tools_unseen"
    assert governing().admit(handshake(path)) is None


@pytest.mark.parametrize("path", ["/realtime", "/responses"])
def test_a_websocket_that_is_read_is_opened_with_a_list_too(path: str, tmp_path: Path) -> None:
    assert governing(tmp_path, LISTED).admit(handshake(path)) is None
