"""The hosted tools through a whole gateway: asked for by a client, called by the simulator, run here."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.builders.served import Served, eventually, lukhas, served

SETTINGS = """
chain: [sign_in, tier_check, signals, modulation, tool_governance, retrieval, scheduler, browser, code_exec, usage, log]
upstream: {{api_key: sk-operator}}
auth: {{keys: [{{key: lk-ada, owner: ada, tier: T2}}, {{key: lk-low, owner: low, tier: T1}}]}}
policies: {{folder: policies}}
flags: {{BROWSER_TOOL: true, CODE_EXEC_TOOL: true}}
plugins:
  log: {{to: nowhere}}
  scheduler: {{webhook: "http://127.0.0.1:{port}/due", networks: [127.0.0.0/8]}}
"""


class Receiver:
    """A webhook's receiver, with what came."""

    def __init__(self) -> None:
        receiver = self
        self.came: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Served]:
    """A gateway with a worker and an office, and a document of Ada's."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "policies").mkdir()
    (folder / "policies" / "tools.yaml").write_text(f"scheduler: {{hosts: ['127.0.0.1:{receiver.port}']}}\n")
    (folder / "rules.md").write_text("Refunds are paid within 14 days.\n")
    done = lukhas("memory", "add", "--data", "data", "--principal", "key:ada", "rules.md", cwd=folder)
    assert done.returncode == 0, done.stderr
    with served(folder, "--simulate", settings=SETTINGS.format(port=receiver.port)) as running:
        yield running


def called(gateway: Served, tool: str, name: str, arguments: dict[str, Any], key: str = "lk-ada") -> httpx.Response:
    """Asks the simulator to call a tool that the client asked the gateway for."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"!tool {name} {json.dumps(arguments)}"}]}
    headers = {"authorization": f"Bearer {key}", "x-lukhas-tools": tool}
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=30)


def said(reply: httpx.Response) -> str:
    assert reply.status_code == 200, reply.text
    message = reply.json()["choices"][0]["message"]
    assert not message.get("tool_calls")
    return str(message["content"])


def test_a_document_of_the_callers_own_reaches_the_model(gateway: Served) -> None:
    query = {"query": "when is a refund paid?"}
    assert "Refunds are paid within 14 days." in said(called(gateway, "retrieval", "retrieve_knowledge", query))
    assert "Refunds" not in said(called(gateway, "retrieval", "retrieve_knowledge", query, "lk-low"))


def test_a_program_runs_and_its_output_reaches_the_model(gateway: Served) -> None:
    source = {"language": "python", "source": "print(6 * 7)"}
    assert "42" in said(called(gateway, "code_exec", "exec_code", source))


def test_whoever_is_of_too_low_a_tier_runs_no_program(gateway: Served) -> None:
    source = {"language": "python", "source": "print(6 * 7)"}
    assert "42" not in said(called(gateway, "code_exec", "exec_code", source, "lk-low"))


def test_a_host_that_is_not_listed_is_not_opened(gateway: Served) -> None:
    reply = said(called(gateway, "browser", "open_url", {"url": f"{gateway.url}/healthz"}))
    assert "not one of the hosts" in reply


def test_a_task_is_kept_listed_and_told_when_it_is_due(gateway: Served, receiver: Receiver) -> None:
    said(called(gateway, "scheduler", "schedule_task", {"when": "PT0S", "note": "call Bob"}))
    told: dict[str, Any] = eventually(lambda: next(iter(receiver.came), None), 15) or {}
    assert (told["type"], told["caller"], told["note"]) == ("task.due", "key:ada", "call Bob")
    key = {"authorization": "Bearer lk-ada"}

    def done() -> bool:
        (task,) = httpx.get(f"{gateway.url}/tools/tasks", headers=key).json()["tasks"]
        return bool((task["id"], task["state"]) == (told["id"], "done"))

    eventually(done)
    low = {"authorization": "Bearer lk-low"}
    assert httpx.delete(f"{gateway.url}/tools/tasks/{told['id']}", headers=low).status_code == 404
    assert httpx.delete(f"{gateway.url}/tools/tasks/{told['id']}", headers=key).json() == {"removed": True}


def test_what_ran_stands_in_the_record(gateway: Served) -> None:
    reply = called(gateway, "retrieval", "retrieve_knowledge", {"query": "refund"})
    audit_id = reply.headers["x-lukhas-audit-id"]
    record = eventually(lambda: next((each for each in gateway.ended() if each["audit_id"] == audit_id), None))
    assert record is not None
    assert "retrieval" in json.dumps(record["tools"])
