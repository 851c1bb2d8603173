"""`/sql` over a real server: who gets which rows, in which shape, and what is refused."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any, cast

import httpx
import pyarrow.ipc
import pytest
from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from gateway.answers import Refusal
from gateway.office.refusing import Refused, broken, not_done, refused
from gateway.office.sql import sql_routes
from gateway.simulator.asgi import Application
from gateway.testing import a_caller
from identity.caller import Caller
from policies.queries import load_queries
from storage.sql_sandbox import Sandbox
from tests.builders.segments import Writer, exchange
from tests.builders.servers import run_server
from tests.builders.warehouses import warehouse
from tests.gateway.office.conftest import ADMIN_KEY

CALLERS = {
    "ada": a_caller(principal="key:ada"),
    "reader": a_caller(principal="key:reader", permissions=frozenset(("audit:read",))),
    "admin": a_caller(principal="admin", permissions=frozenset(("*",))),
}


async def caller_of(request: Request[Any, Any, Any]) -> Caller:
    caller = CALLERS.get(request.headers.get("x-api-key", ""))
    if caller is None:
        raise Refused(Refusal("Who are you?", code="invalid_api_key", status=401))
    return caller


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    writer = Writer(tmp_path)
    writer.segment()
    for number in range(6):
        writer.append(*exchange(f"A-{number}", at=float(number), caller="key:bob" if number % 3 else "key:ada"))
    with warehouse(tmp_path) as opened:
        sandbox = Sandbox(opened, opened.folder)
        app = Litestar(
            [*sql_routes(sandbox, load_queries(None))],
            dependencies={"caller": Provide(caller_of)},
            exception_handlers={Refused: refused, HTTPException: not_done, Exception: broken},
        )
        with run_server(cast(Application, app)) as base:
            async with httpx.AsyncClient(base_url=base) as client:
                yield client
        sandbox.close()


async def ask(client: httpx.AsyncClient, who: str, **question: Any) -> httpx.Response:
    return await client.post("/sql", json=question, headers={"x-api-key": who})


async def test_callers_are_answered_over_their_rows_and_readers_over_all(client: httpx.AsyncClient) -> None:
    counted = {
        who: (await ask(client, who, sql="SELECT count(*) AS n FROM exchanges")).json()["rows"] for who in CALLERS
    }
    assert counted == {"ada": [[2]], "reader": [[6]], "admin": [[6]]}
    assert (await ask(client, "nobody", sql="SELECT 1")).status_code == 401


async def test_an_answer_names_its_columns_and_its_next_page(client: httpx.AsyncClient) -> None:
    first = await ask(client, "admin", sql="SELECT audit_id FROM exchanges ORDER BY 1", rows=4)
    assert first.status_code == 200
    assert first.json()["columns"] == [{"name": "audit_id", "type": "VARCHAR"}]
    assert first.headers["x-lukhas-next"] == first.json()["next"]
    assert (await ask(client, "ada", next=first.json()["next"])).status_code == 400
    second = await ask(client, "admin", next=first.json()["next"])
    assert [row[0] for row in first.json()["rows"] + second.json()["rows"]] == [f"A-{number}" for number in range(6)]
    assert second.json()["next"] is None
    assert "x-lukhas-next" not in second.headers


async def test_an_answer_comes_as_csv_parquet_or_arrow(client: httpx.AsyncClient) -> None:
    csv = await ask(client, "ada", sql="SELECT audit_id FROM exchanges ORDER BY 1", format="csv")
    assert (csv.headers["content-type"], csv.text) == ("text/csv; charset=utf-8", "audit_id\r\nA-0\r\nA-3\r\n")
    parquet = await ask(client, "ada", sql="SELECT audit_id FROM exchanges", format="parquet")
    assert parquet.headers["content-type"] == "application/vnd.apache.parquet"
    assert parquet.headers["x-lukhas-rows"] == "2"
    assert parquet.content[:4] == parquet.content[-4:] == b"PAR1"
    arrow = await ask(client, "ada", sql="SELECT audit_id FROM exchanges ORDER BY 1", format="arrow")
    assert arrow.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert arrow.headers["x-lukhas-rows"] == "2"
    with pyarrow.ipc.open_stream(io.BytesIO(arrow.content)) as stream:
        assert stream.read_all().to_pylist() == [{"audit_id": "A-0"}, {"audit_id": "A-3"}]
    for format in ("parquet", "arrow"):
        long = await ask(client, "ada", sql="SELECT range FROM range(10)", format=format, rows=9)
        assert "more than 9 rows" in long.json()["error"]["message"]


async def test_a_canned_query_is_asked_by_name(client: httpx.AsyncClient) -> None:
    found = await ask(client, "admin", query="slowest", parameters={"hours": 1_000_000, "most": 2})
    assert found.json()["columns"][0]["name"] == "audit_id"
    assert len(found.json()["rows"]) == 2
    for question in (
        {"query": "nosuch"},
        {"query": "slowest", "parameters": {"nosuch": 1}},
        {"query": "slowest", "parameters": [1]},
    ):
        assert (await ask(client, "admin", **question)).status_code == 400


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"sql": "SELECT 1", "query": "slowest"},
        {"sql": "DROP VIEW exchanges"},
        {"sql": "SELECT * FROM read_text('/etc/passwd')"},
        {"sql": "SELECT 1", "rows": 0},
        {"sql": "SELECT 1", "seconds": 1e9},
        {"sql": "SELECT 1", "format": "xlsx"},
        {"sql": "SELECT 1", "colour": "red"},
        {"sql": 7},
        {"next": "nosuch"},
    ],
    ids=json.dumps,
)
async def test_what_cannot_be_asked_is_400_with_the_reason(question: dict[str, Any], client: httpx.AsyncClient) -> None:
    answer = await ask(client, "admin", **question)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert len(answer.json()["error"]["message"]) > 10


async def test_pages_stay_as_long_as_the_first_one(client: httpx.AsyncClient) -> None:
    page = (await ask(client, "admin", sql="SELECT range FROM range(7)", rows=3)).json()
    lengths = [len(page["rows"])]
    while page["next"] is not None:
        page = (await ask(client, "admin", next=page["next"])).json()
        lengths.append(len(page["rows"]))
    assert lengths == [3, 3, 1]


async def test_slow_statements_of_one_caller_keep_nobody_else_waiting(office: httpx.AsyncClient) -> None:
    hostile, admin = {"x-api-key": "lk-mine"}, {"x-api-key": ADMIN_KEY}
    slow = {"sql": "SELECT count(*) FROM range(1000000000) a, range(1000000000) b", "seconds": 5}
    asked = [asyncio.create_task(office.post("/sql", json=slow, headers=hostile, timeout=30)) for _ in range(16)]
    await asyncio.sleep(0.5)
    began = monotonic()
    logged = await office.post("/audit/log", json={"audit_id": "ext-12345678"}, headers=admin)
    found = await office.get("/audit/ext-12345678", headers=admin)
    page = await office.get("/docs")
    answer = await office.post("/sql", json={"sql": "SELECT 1"}, headers=admin)
    took = monotonic() - began
    assert [each.status_code for each in (logged, found, page, answer)] == [200, 200, 200, 200]
    assert took < 2
    answers = await asyncio.gather(*asked)
    assert {each.status_code for each in answers} == {400, 503}
    busy = next(each for each in answers if each.status_code == 503)
    assert (busy.json()["error"]["code"], busy.headers["retry-after"]) == ("sql_busy", "5")


async def test_the_schema_tells_views_columns_and_queries(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/sql/schema", headers={"x-api-key": "ada"})).json()
    exchanges = next(view for view in schema["views"] if view["name"] == "exchanges")
    assert exchanges["columns"][0] == {
        "name": "audit_id",
        "type": "VARCHAR",
        "says": "The name of the exchange, as in the header x-lukhas-audit-id.",
    }
    slowest = next(query for query in schema["queries"] if query["name"] == "slowest")
    assert [parameter["name"] for parameter in slowest["parameters"]] == ["hours", "most"]


async def test_every_canned_query_can_be_answered(client: httpx.AsyncClient) -> None:
    for name in load_queries(None):
        answer = await ask(client, "ada", query=name)
        assert answer.status_code == 200, (name, answer.text)
