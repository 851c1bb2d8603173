"""Endpoints under tool governance: where tools are read and governed, and where they pass or are turned away."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gateway.coverage import shipped_gaps
from gateway.simulator import create_app
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.servers import run_server
from tests.interactions.crossing import AUDIT_ID, MODEL, Crossing

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


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/realtime?model=gpt-realtime"])
def test_websockets_are_refused_where_tools_have_to_be_listed(listed: Governed, path: str) -> None:
    with pytest.raises(InvalidStatus) as raised, connect(_ws(listed.running.url, path), additional_headers=KEY):
        pass

    assert raised.value.response.status_code == 403


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


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/realtime?model=gpt-realtime"])
def test_elsewhere_websockets_pass_unread_and_the_gap_has_its_reason(gateway: Crossing, path: str) -> None:
    headers = {"authorization": f"Bearer {gateway.somebody()}"}
    with connect(_ws(gateway.url, path), additional_headers=headers) as socket:
        socket.send("not an event")
        assert socket.recv(timeout=5)

    (gap,) = [each for each in shipped_gaps() if each.sent == ("websocket",)]
    assert "allow_tool" in gap.hooks and gap.reason


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
    assert [each["name"] for each in blocked] == ([] if tool == "lookup" else [tool])


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


def _ws(url: str, path: str) -> str:
    return f"{url.replace('http', 'ws', 1)}{path}"
