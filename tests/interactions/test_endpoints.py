"""Endpoints under tool governance: where tools are read and governed, and where they pass or are turned away."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gateway.coverage import shipped_gaps
from gateway.simulator import create_app
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.servers import run_server
from tests.interactions.crossing import AUDIT_ID, MODEL, RISKY, Crossing

KEY = {"authorization": "Bearer sk-any"}
LISTED = 'client_tools: listed\nlisted: ["listed_*"]\n'


class Governed:
    """A gateway where the client's tools have to be listed, and its upstream."""

    def __init__(self, running: RunningGateway, upstream: str) -> None:
        self.running = running
        self.upstream = upstream

    def ask(self, path: str, body: Any) -> httpx.Response:
        return httpx.post(f"{self.running.base_url}{path}", json=body, headers=KEY, verify=False)

    def last(self) -> dict[str, Any]:
        last: dict[str, Any] = httpx.get(f"{self.upstream}/_last", verify=False).json()
        return last


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """What holds in strict mode holds here for every request."""
    folder: Path = tmp_path_factory.mktemp("policies")
    (folder / "tools.yaml").write_text(LISTED)
    with (
        run_server(create_app()) as upstream,
        running_gateway(upstream, policies={"folder": str(folder)}) as running,
    ):
        yield Governed(running, upstream)


def chat_function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def flat_function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": {"type": "object"}}


SAID: Any = [{"role": "user", "content": "Hello"}]
GOVERNED: dict[str, tuple[str, Any, Any]] = {
    "chat": ("/chat/completions", {"model": MODEL, "messages": SAID}, chat_function),
    "chat streamed": ("/chat/completions", {"model": MODEL, "messages": SAID, "stream": True}, chat_function),
    "responses": ("/responses", {"model": MODEL, "input": "Hello"}, flat_function),
    "responses streamed": ("/responses", {"model": MODEL, "input": "Hello", "stream": True}, flat_function),
    "counting": ("/responses/input_tokens", {"model": MODEL, "input": "Hello"}, flat_function),
    "thread and run": ("/threads/runs", {"assistant_id": "asst_1"}, chat_function),
    "run of a thread": ("/threads/thread_1/runs", {"assistant_id": "asst_1"}, chat_function),
    "realtime session": ("/realtime/sessions", {"model": "gpt-realtime"}, flat_function),
}


@pytest.mark.parametrize("which", GOVERNED)
def test_only_listed_tools_go_out(listed: Governed, which: str) -> None:
    path, body, function = GOVERNED[which]
    tools = [function("listed_lookup"), function("wipe_disk")]

    answer = listed.ask(path, {**body, "tools": tools})

    last = listed.last()
    assert last["path"] == f"/v1{path}"
    assert msgspec.json.decode(last["body"])["tools"] == tools[:1]
    record = listed.running.record_of(answer.headers[AUDIT_ID])
    assert any("wipe_disk" in each["because"] for each in record["changes"])


def test_legacy_functions_are_governed_like_tools(listed: Governed) -> None:
    functions = [{"name": "listed_lookup", "parameters": {}}, {"name": "wipe_disk", "parameters": {}}]

    listed.ask("/chat/completions", {"model": MODEL, "messages": SAID, "functions": functions})

    assert msgspec.json.decode(listed.last()["body"])["functions"] == functions[:1]


def test_completions_carry_no_tools_and_go_out_as_they_came(listed: Governed) -> None:
    answer = listed.ask("/completions", {"model": MODEL, "prompt": "Hello"})

    assert answer.status_code == 200
    assert msgspec.json.decode(listed.last()["body"]) == {"model": MODEL, "prompt": "Hello"}


def _response(tools: list[Any], said: Any = "Hello") -> dict[str, Any]:
    return {"type": "response.create", "model": MODEL, "input": said, "tools": tools}


def _session(tools: list[Any], said: Any = None) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", "tools": tools}}


ASKED_OVER_WEBSOCKETS: dict[str, tuple[str, Callable[..., dict[str, Any]], str]] = {
    "responses": ("/v1/responses", _response, "response.created"),
    "realtime": ("/v1/realtime?model=gpt-realtime", _session, "session.updated"),
}
UNREAD: dict[str, tuple[str, Any]] = {
    "batch": ("/batches", {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}),
    "stored prompt": ("/responses", {"model": MODEL, "input": "Hello", "prompt": {"id": "pmpt_1"}}),
    "stored assistant": ("/threads/thread_1/runs", {"assistant_id": "asst_1"}),
}


@pytest.mark.parametrize("which", UNREAD)
def test_tools_that_nobody_here_can_read_are_refused_where_tools_have_to_be_listed(
    listed: Governed, which: str
) -> None:
    path, body = UNREAD[which]
    before = listed.last()

    answer = listed.ask(path, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "tools_unseen")
    assert listed.last() == before
    assert listed.running.record_of(answer.headers[AUDIT_ID])["refusal"]["code"] == "tools_unseen"


def test_websockets_that_nobody_reads_are_refused_where_tools_have_to_be_listed(listed: Governed) -> None:
    path = "/v1/live/session"
    with pytest.raises(InvalidStatus) as raised, connect(_ws(listed.running.url, path), additional_headers=KEY):
        pass

    assert raised.value.response.status_code == 403


@pytest.mark.parametrize("how", ASKED_OVER_WEBSOCKETS)
def test_only_listed_tools_go_out_over_a_websocket(listed: Governed, how: str) -> None:
    path, asked, told = ASKED_OVER_WEBSOCKETS[how]
    tools = [flat_function("listed_lookup"), flat_function("wipe_disk")]

    with connect(_ws(listed.running.url, path), additional_headers=KEY) as socket:
        socket.send(msgspec.json.encode(asked(tools)).decode())
        said = _until(socket, told)

    holder = said["session"] if "session" in said else said["response"]
    assert [each["name"] for each in holder["tools"]] == ["listed_lookup"]


def test_what_is_asked_over_a_websocket_is_shaped_as_over_http(gateway: Crossing) -> None:
    headers = {"authorization": f"Bearer {gateway.somebody('enforce')}", **RISKY}
    tools = [flat_function("listed_lookup"), flat_function("wipe_disk")]
    asked = {**_response(tools), "temperature": 1.0, "max_output_tokens": 2000}
    with connect(_ws(gateway.url, "/v1/responses"), additional_headers=headers) as socket:
        socket.send(msgspec.json.encode(asked).decode())
        told = _until(socket, "response.completed")["response"]

    over_http = gateway.ask(gateway.somebody("enforce"), "/responses", {**asked, "type": "x"}, RISKY).json()
    assert told["temperature"] == over_http["temperature"] < 1.0
    assert [each["name"] for each in told["tools"]] == ["listed_lookup"]
    assert told["instructions"] == over_http["instructions"] is not None


@pytest.mark.parametrize("how", ASKED_OVER_WEBSOCKETS)
def test_a_call_that_nobody_offered_is_never_delivered_over_a_websocket(gateway: Crossing, how: str) -> None:
    path, asked, _ = ASKED_OVER_WEBSOCKETS[how]
    headers = {"authorization": f"Bearer {gateway.somebody()}"}
    call = {"type": "input_text", "text": '!tool wipe_disk {"disk": "sdz"}'}
    item = {"type": "message", "role": "user", "content": [call]}
    with connect(_ws(gateway.url, path), additional_headers=headers) as socket:
        socket.send(msgspec.json.encode(asked([flat_function("lookup")], [item])).decode())
        if "realtime" in path:
            socket.send(msgspec.json.encode({"type": "conversation.item.create", "item": item}).decode())
            socket.send('{"type":"response.create"}')
        error = _until(socket, "error", unsaid=b'"sdz')

    assert error["error"]["code"] == "tool_not_offered"
    record = gateway.record(error["event_id"])
    assert [each["name"] for each in record["tools"]["blocked"]] == ["wipe_disk"]
    assert gateway.record(record["websocket"])["endpoint"] == record["endpoint"]
    endpoint, tokens = gateway.row(error["event_id"], "endpoint, input_tokens")
    assert (endpoint, tokens > 0) == (record["endpoint"], True)


@pytest.mark.parametrize("which", UNREAD)
def test_elsewhere_what_cannot_be_read_passes_as_it_came(gateway: Crossing, which: str) -> None:
    path, body = UNREAD[which]

    answer = gateway.ask(gateway.somebody(), path, body)

    assert gateway.sent() == body
    assert "tools" not in gateway.record(answer.headers[AUDIT_ID])


def test_a_batch_passes_unread_and_is_offered_nothing(gateway: Crossing) -> None:
    path, body = UNREAD["batch"]

    gateway.ask("lk-tools", path, body, {"x-lukhas-tools": "retrieval"})

    assert gateway.sent() == body


def test_elsewhere_such_websockets_pass_unread_and_the_gap_has_its_reason(gateway: Crossing) -> None:
    headers = {"authorization": f"Bearer {gateway.somebody()}"}
    with connect(_ws(gateway.url, "/v1/live/session"), additional_headers=headers) as socket:
        socket.send("not an event")
        assert socket.recv(timeout=5)

    unread = [each for each in shipped_gaps() if each.sent == ("websocket",) and "allow_tool" in each.hooks]
    assert [(each.endpoints, bool(each.reason)) for each in unread] == [
        (("realtime.translations", "live.*", "other"), True)
    ]


OURS = {"x-lukhas-tools": "retrieval", "x-lukhas-signals": "urgency=0.9", "x-lukhas-explain": "1"}


@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/embeddings", "/batches"])
def test_what_is_said_to_the_gateway_in_headers_goes_no_further(gateway: Crossing, path: str) -> None:
    gateway.ask(gateway.somebody(), path, {"model": MODEL, "input": "Hello", "messages": SAID}, OURS)

    last = gateway.last()[0]
    assert last["path"] == f"/v1{path}"
    assert [name for name in last["headers"] if "lukhas" in name] == []


def test_nor_does_it_with_a_websocket(gateway: Crossing) -> None:
    headers = {"authorization": f"Bearer {gateway.somebody()}", **OURS}
    with connect(_ws(gateway.url, "/v1/responses"), additional_headers=headers) as socket:
        socket.send("not an event")
        socket.recv(timeout=5)

    assert [name for name in gateway.last()[0]["headers"] if "lukhas" in name] == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_was_blocked_is_not_shown_by_reading_the_response_again(gateway: Crossing, stream: bool) -> None:
    key = gateway.somebody()
    body = {"model": MODEL, "input": '!tool wipe_disk {"disk": "sdz"}', "tools": [flat_function("lookup")]}
    answer = gateway.ask(key, "/responses", {**body, "stream": stream})
    id = re.findall(r'"id":"(resp_[0-9a-f]+)"', answer.text)[-1]

    read = gateway.http.get(f"{gateway.url}/v1/responses/{id}", headers={"authorization": f"Bearer {key}"})

    assert read.status_code == (403 if stream else 200), read.text
    assert "sdz" not in answer.text + read.text


@pytest.mark.parametrize("tool", ["wipe_disk", "retrieve_knowledge", "lookup"])
def test_nor_by_having_it_streamed_again(gateway: Crossing, tool: str) -> None:
    key = gateway.somebody()
    tools = [flat_function("lookup"), {"type": "lukhas", "name": "retrieval"}]
    body = {"model": MODEL, "input": f'!tool {tool} {{"query": "sdz"}}', "tools": tools, "stream": True}
    # Of a loop the first id is that of the step with the call.
    id = re.findall(r'"id":"(resp_[0-9a-f]+)"', gateway.ask(key, "/responses", body).text)[0]

    said, audit_id = _read_to_its_end(gateway, f"/responses/{id}?stream=true", key)

    assert said.startswith("event: response.created")
    assert ("sdz" in said) == (tool == "lookup")
    blocked = gateway.record(audit_id).get("tools", {"blocked": []})["blocked"]
    # A hosted call is nobody's fault, and so no incident.
    assert [each["name"] for each in blocked] == (["wipe_disk"] if tool == "wipe_disk" else [])


def _read_to_its_end(gateway: Crossing, path: str, key: str) -> tuple[str, str]:
    """Gives the events of a stream, as far as it goes, and the audit id."""
    said = b""
    with gateway.http.stream("GET", f"{gateway.url}/v1{path}", headers={"authorization": f"Bearer {key}"}) as answer:
        try:
            for part in answer.iter_bytes():
                said += part
        except httpx.RemoteProtocolError:
            assert b'"type":"error"' in said
    return said.decode(), answer.headers[AUDIT_ID]


def _until(socket: ClientConnection, kind: str, unsaid: bytes = b"\0") -> dict[str, Any]:
    """Gives the first event of a kind; nothing ahead of it may have `unsaid` in it."""
    while True:
        said = socket.recv(timeout=5, decode=False)
        event: dict[str, Any] = msgspec.json.decode(said)
        if event["type"] == kind:
            return event
        assert unsaid not in said or (event["type"].startswith("conversation.item.") and event["item"].get("role"))


def _ws(url: str, path: str) -> str:
    return f"{url.replace('http', 'ws', 1)}{path}"
