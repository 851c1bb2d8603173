"""Asks a running gateway: the model through it, and itself about its records."""

import json
from typing import Any

import httpx
from openai import OpenAI

from tests.builders.served import Served, lukhas

SETTINGS = """
server: {drain_timeout: 3}
auth:
  passthrough: false
  keys:
    - {key: lk-ada}
    - {key: lk-bob}
    - {key: lk-reader, permissions: ["audit:read"]}
    - {key: lk-runtime, permissions: ["audit:write"]}
plugins: {log: {to: nowhere}}
"""


def said_by_model(running: Served, key: str = "lk-ada", text: str = "Hello") -> str:
    """Asks the model by the official SDK, on a connection of its own; gives the audit id."""
    with OpenAI(base_url=f"{running.url}/v1", api_key=key) as client:
        answer = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}]
        )
        assert answer.parse().choices[0].message.content
        return str(answer.headers["x-lukhas-audit-id"])


def asked(running: Served, path: str, key: str = "lk-ada", **query: Any) -> httpx.Response:
    """Asks one of the gateway's own pages, on a connection of its own."""
    return httpx.get(f"{running.url}{path}", params=query, headers={"x-api-key": key}, timeout=20)


def rows(running: Served, sql: str, key: str = "lk-reader") -> Any:
    """The rows of an answer over HTTP."""
    answer = httpx.post(f"{running.url}/sql", json={"sql": sql}, headers={"x-api-key": key}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def printed(running: Served, sql: str, **environ: str) -> Any:
    """What `lukhas sql` prints as JSON."""
    done = lukhas("sql", "--data", "data", "--format", "json", sql, cwd=running.folder, environ=environ)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)
