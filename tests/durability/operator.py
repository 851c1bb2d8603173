"""Asks a running gateway what an operator asks: for a chat, for rows, for records, for its state."""

from types import TracebackType
from typing import Any

import httpx

from tests.durability.running import ADMIN_KEY

QUESTION = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Well?"}]}


class Operator:
    """One client, with the operator's key on our own routes."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def __enter__(self) -> "Operator":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._client.close()

    def chat(self) -> httpx.Response:
        """Asks the model."""
        return self._client.post("/v1/chat/completions", json=QUESTION, headers={"authorization": "Bearer sk-x"})

    def asks(self) -> str:
        """Asks the model, and gives the exchange's id."""
        reply = self.chat()
        assert reply.status_code == 200, reply.text
        return str(reply.headers["x-lukhas-audit-id"])

    def ids(self) -> list[str]:
        """The exchanges that SQL shows; none while nobody answers."""
        question = {"sql": "SELECT audit_id FROM exchanges ORDER BY 1"}
        reply = self._client.post("/sql", json=question, headers={"x-api-key": ADMIN_KEY})
        return [audit_id for (audit_id,) in reply.json().get("rows", [])]

    def record(self, audit_id: str) -> dict[str, Any]:
        """The record of an exchange."""
        reply = self._client.get(f"/audit/{audit_id}", headers={"x-api-key": ADMIN_KEY})
        assert reply.status_code == 200, reply.text
        record: dict[str, Any] = reply.json()
        return record

    def readiness(self) -> tuple[int, str, dict[str, str]]:
        """What `/readyz` says."""
        reply = self._client.get("/readyz")
        page = reply.json()
        return reply.status_code, page["status"], page["faults"]
