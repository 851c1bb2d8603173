"""Asks a running gateway in SQL, as its operator."""

from typing import Any

import httpx

from tests.builders.served import Served
from tests.durability.books import Row
from tests.durability.running import ADMIN_KEY

_PAGE = 10_000


async def table(running: Served, sql: str) -> list[list[Any]]:
    """Gives all rows of an answer."""
    question: dict[str, Any] = {"sql": sql}
    rows: list[list[Any]] = []
    async with httpx.AsyncClient(base_url=running.url, headers={"x-api-key": ADMIN_KEY}, timeout=60) as client:
        while question:
            reply = await client.post("/sql", json={**question, "rows": _PAGE})
            assert reply.status_code == 200, reply.text
            page = reply.json()
            rows += page["rows"]
            question = {"next": page["next"]} if page["next"] else {}
    return rows


async def exchange_rows(running: Served) -> list[Row]:
    """Gives the view `exchanges`."""
    return [Row(*row) for row in await table(running, "SELECT audit_id, outcome FROM exchanges")]
