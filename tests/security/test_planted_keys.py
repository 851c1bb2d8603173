"""Keys that are planted everywhere are found nowhere: not in logs, errors, metrics, records, files or process lists."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gateway.simulator import create_app
from perf.processes import tree
from storage.segments import SegmentReader, segments
from tests.builders.served import Served, eventually, served
from tests.builders.servers import run_server

MARK = "PLANTED"
OPERATOR = f"sk-{MARK}operator0123456789abcdefghij"
ADMIN = f"lk-{MARK}admin0123456789abcdefghij"
KEY = f"lk-{MARK}gateway0123456789abcdefghij"
CALLER = f"sk-{MARK}caller0123456789abcdefghij"
REFUSED = f"sk-bad{MARK}0123456789abcdefghij"
UNKNOWN = f"lk-{MARK}unknown0123456789abcdefghij"
IN_BODY = f"sk-{MARK}body0123456789abcdefghij"
KEYS = (KEY, CALLER, REFUSED, UNKNOWN, ADMIN)
SETTINGS = f"""
auth: {{passthrough: true, keys: [{{key: {KEY}, owner: somebody, tier: T3}}]}}
audit: {{bodies: all}}
plugins: {{log: {{to: stdout}}}}
"""
OURS = (
    "/audit",
    "/sql/schema",
    "/feedback/lut",
    "/admin/flags",
    "/tools/incidents",
    "/ops/retention",
    "/me/data",
    "/nowhere",
)
Said = dict[str, str]


def prompts() -> Iterator[str]:
    for order in ("", "\n!error 400", "\n!error 500", "\n!cut 1", f'\n!tool search {{"key": "{IN_BODY}"}}'):
        yield f"My key is {IN_BODY}, keep it.{order}"


def asked(running: Served) -> Said:
    """Asks in every way that carries a secret; gives the answers that say something of the gateway's own."""
    said: Said = {}
    with httpx.Client(base_url=running.url, timeout=20) as client:
        for key in KEYS:
            bearer = {"authorization": f"Bearer {key}"}
            for number, prompt in enumerate(prompts()):
                for stream in (False, True):
                    body = {"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": prompt}]}
                    said |= answer_of(client, f"{key} {number} {stream}", "/v1/chat/completions", bearer, body)
            for name, value in {"model": IN_BODY, "messages": IN_BODY, "stream": IN_BODY, "tools": [IN_BODY]}.items():
                said |= answer_of(
                    client, f"{key} {name}", "/v1/chat/completions", bearer, {"model": "gpt-4o", name: value}
                )
            for path in OURS:
                for headers in (bearer, {"x-api-key": key}):
                    said[f"{key} {path} {list(headers)}"] = client.get(path, headers=headers).text
            said[f"{key} query"] = client.get("/v1/models", params={"api_key": key}, headers=bearer).text
            said[f"{key} path"] = client.get(f"/nowhere/{key}").reason_phrase
            said[f"{key} half"] = client.post("/v1/responses", content=f'{{"input": "{IN_BODY}', headers=bearer).text
            said[f"{key} twice"] = client.get("/v1/models", headers=[*bearer.items(), *bearer.items()]).text
            said[f"{key} basic"] = client.get("/v1/models", headers={"authorization": f"Basic {key}"}).text
            said |= websocket_of(running.url, key)
    return said


def answer_of(client: httpx.Client, name: str, path: str, headers: dict[str, str], body: object) -> Said:
    """Gives the answer where it is the gateway's own; the simulator's repeats what it was asked."""
    try:
        with client.stream("POST", path, headers={**headers, "content-type": "application/json"}, json=body) as reply:
            text = reply.read().decode()
    except httpx.TransportError:
        return {}
    own = json.dumps([*reply.headers.multi_items()]) + (
        text if '"upstream' not in text and reply.status_code > 400 else ""
    )
    return {name: own}


def websocket_of(url: str, key: str) -> Said:
    try:
        address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=gpt-4o"
        with connect(address, subprotocols=["realtime", f"openai-insecure-api-key.{key}"], proxy=None) as opened:  # type: ignore[list-item]
            opened.send('{"type": "nonsense"}')
    except InvalidStatus as refused:
        return {f"{key} websocket": refused.response.body.decode()}
    return {}


def told(running: Served, audit_ids: list[str]) -> Said:
    """What the gateway tells its operator: records, tables, metrics, its state."""
    said: Said = {}
    with httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {ADMIN}"}, timeout=20) as client:
        for audit_id in audit_ids:
            for path in (f"/audit/{audit_id}", f"/audit/view/{audit_id}"):
                reply = client.get(path)
                assert reply.status_code == 200
                said[path] = reply.text
        for view in ("exchanges", "signals", "changes", "attempts", "incidents", "tool_calls"):
            reply = client.post("/sql", json={"sql": f"SELECT * FROM {view}"})
            assert reply.status_code == 200, reply.text
            said[f"sql {view}"] = reply.text
        for path in ("/metrics", "/healthz", "/readyz", "/openapi.json"):
            said[path] = client.get(path).text
    return said


def kept(running: Served) -> dict[str, bytes]:
    """Every file of the data folder, packed ones unpacked; and what stands in the lists of processes."""
    found = {str(path): path.read_bytes() for path in running.data.rglob("*") if path.is_file()}
    for segment in segments(running.data / "journal"):
        found[f"lines of {segment}"] = b"\n".join(bytes(line.text) for line in SegmentReader(segment))
    for process in tree(running.process.pid):
        found[f"arguments of {process.pid}"] = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    return found


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Said, dict[str, bytes]]]:
    """All that was said and kept of a gateway that met every planted key."""
    environ = {"OPENAI_API_KEY": OPERATOR, "LUKHAS_ADMIN_KEY": ADMIN, "LUKHAS_LOG_LEVEL": "debug"}
    folder = tmp_path_factory.mktemp("planted")
    with (
        run_server(create_app()) as simulator,
        served(folder, "--upstream", f"{simulator}/v1", settings=SETTINGS, environ=environ) as running,
    ):
        said = asked(running)
        ended = eventually(lambda: lines if len(lines := running.ended()) >= 60 else None)
        said |= told(running, [line["audit_id"] for line in ended[::12]])
        files = kept(running)
    said |= {"standard output": running.said, "standard error": running.complaints}
    files |= {f"{path} at the end": path.read_bytes() for path in running.data.rglob("*") if path.is_file()}
    yield said, files


def test_no_key_is_said(after: tuple[Said, dict[str, bytes]]) -> None:
    said, _ = after
    assert len(said) > 150
    assert {name: text[:300] for name, text in said.items() if MARK in text} == {}


def test_no_key_is_kept(after: tuple[Said, dict[str, bytes]]) -> None:
    _, files = after
    assert any("journal" in name for name in files)
    assert any("arguments" in name for name in files)
    assert [name for name, content in files.items() if MARK.encode() in content] == []


def test_all_that_was_asked_was_recorded(after: tuple[Said, dict[str, bytes]]) -> None:
    _, files = after
    (lines,) = [
        content
        for name, content in files.items()
        if name.startswith("lines of") and "worker-0" in name and "bodies" not in name
    ]
    outcomes = {json.loads(line)["outcome"] for line in lines.splitlines() if b'"event":"ended"' in line}
    assert {"answered", "refused"} <= outcomes
