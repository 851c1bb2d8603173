"""A running gateway before a simulator: who asks it, what reached the upstream, what the record says."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from openai import OpenAI

from gateway.simulator import create_app
from tests.builders.served import Served, eventually, served
from tests.builders.servers import run_server

MODEL = "gpt-4o-mini"
OPERATOR_KEY = "sk-operator"
ADMIN = {"x-api-key": "the-admin"}
ENVIRON = {"LUKHAS_ADMIN_KEY": "the-admin", "OPENAI_API_KEY": OPERATOR_KEY}
AUDIT_ID = "x-lukhas-audit-id"
SAFETY_MODE = "x-lukhas-safety-mode"
RISKY = {"x-lukhas-signals": "alignment_risk=0.9"}
CALLERS = 150


class Crossing:
    """One gateway and its upstream. Every request has a connection of its own, and so may meet either worker."""

    def __init__(self, serving: Served, upstream: str, http: httpx.Client) -> None:
        self.serving = serving
        self.url = serving.url
        self.upstream = upstream
        self.http = http
        self._callers = {mode: iter(range(CALLERS)) for mode in ("shadow", "enforce")}

    def somebody(self, mode: str = "shadow") -> str:
        """The key of a caller who has asked for nothing yet."""
        return f"lk-{mode}-{next(self._callers[mode])}"

    def client(self, key: str, **options: Any) -> OpenAI:
        """The official SDK, with this key."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, **{"max_retries": 0, **options})

    def ask(self, key: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Sends a body to the model API; bytes go as they are."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = {"authorization": f"Bearer {key}", "content-type": "application/json", **(headers or {})}
        return self.http.post(f"{self.url}/v1{path}", content=content, headers=given)

    def chat(self, key: str, says: str, headers: Mapping[str, str] | None = None, **members: Any) -> httpx.Response:
        """Asks the model in a chat of one turn."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": says}], **members}
        return self.ask(key, "/chat/completions", body, headers)

    def page(self, path: str, headers: Mapping[str, str] = ADMIN, **query: Any) -> httpx.Response:
        """Asks one of the gateway's own pages, as the operator unless it is said otherwise."""
        return self.http.get(f"{self.url}{path}", params=query, headers=headers)

    def last(self, count: int = 1) -> list[dict[str, Any]]:
        """What reached the upstream: the newest requests, oldest first."""
        found: list[dict[str, Any]] = self.http.get(f"{self.upstream}/_last", params={"n": count}).json()
        return found

    def sent(self) -> dict[str, Any]:
        """The body that reached the upstream last."""
        (last,) = self.last()
        body: dict[str, Any] = msgspec.json.decode(last["body"])
        return body

    def arrived(self) -> int:
        """How many requests have reached the upstream."""
        count: int = self.http.get(f"{self.upstream}/_stats").json()["requests"]
        return count

    def record(self, audit_id: str) -> dict[str, Any]:
        """The record of an exchange, once it has ended."""

        def ended() -> dict[str, Any] | None:
            found = self.page(f"/audit/{audit_id}")
            return found.json() if found.status_code == 200 and "outcome" in found.json() else None

        return eventually(ended)

    def row(self, audit_id: str, columns: str) -> list[Any]:
        """Columns of the row of an exchange, once it has been taken into the warehouse."""
        sql = f"SELECT {columns} FROM exchanges WHERE audit_id = '{audit_id}'"

        def found() -> list[list[Any]]:
            answer = self.http.post(f"{self.url}/sql", json={"sql": sql}, headers=ADMIN)
            assert answer.status_code in (200, 503), answer.text
            rows: list[list[Any]] = answer.json().get("rows", [])
            return rows

        return eventually(found)[0]

    @contextmanager
    def alone(self, worker: int) -> Iterator[None]:
        """Holds the other workers, so that the one with this pid has all requests: for less than ten seconds.

        After that they are taken for dead, and ended.
        """
        others = [pid for pid in self.serving.pids("worker") if pid != worker]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)

    def workers(self) -> tuple[int, int]:
        """The pids of two workers."""
        first, second = self.serving.pids("worker")
        return first, second


def callers() -> str:
    """The keys that `somebody` gives, as lines of `auth.keys`."""
    return "".join(
        f"    - {{key: lk-shadow-{number}}}\n    - {{key: lk-enforce-{number}, mode: enforce}}\n"
        for number in range(CALLERS)
    )


@contextmanager
def crossing(folder: Path, settings: str, *how: str) -> Iterator[Crossing]:
    """Runs a gateway with these settings before a simulator of its own; `how` are more arguments of `lukhas serve`."""
    with (
        run_server(create_app()) as upstream,
        httpx.Client(timeout=20, limits=httpx.Limits(max_keepalive_connections=0)) as http,
        served(folder, *how, "--upstream", f"{upstream}/v1", settings=settings, environ=ENVIRON) as serving,
    ):
        yield Crossing(serving, upstream, http)
