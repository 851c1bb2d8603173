"""Asks a running gateway in SQL, as its operator."""

from typing import Any

import httpx

from tests.builders.served import Served
from tests.durability.books import Row
from tests.durability.running import ADMIN_KEY

_PAGE = 10_000


async def table(running: Served, sql: str) -> list[list[Any]]:
    """Gives all rows of an answer; asks again where the warehouse was put in order between two pages."""
    async with httpx.AsyncClient(base_url=running.url, headers={"x-api-key": ADMIN_KEY}, timeout=60) as client:
        rows = None
        while rows is None:
            rows = await _all_pages(client, sql)
    return rows


async def _all_pages(client: httpx.AsyncClient, sql: str) -> list[list[Any]] | None:
    question: dict[str, Any] = {"sql": sql}
    rows: list[list[Any]] = []
    while question:
        reply = await client.post("/sql", json={**question, "rows": _PAGE})
        if reply.status_code == 400 and "ask again" in reply.text:
            return None
        assert reply.status_code == 200, reply.text
        page = reply.json()
        rows += page["rows"]
        question = {"next": page["next"]} if page["next"] else {}
    return rows


async def exchange_rows(running: Served) -> list[Row]:
    """Gives the view `exchanges`."""
    return [Row(*row) for row in await table(running, "SELECT audit_id, outcome FROM exchanges")]
