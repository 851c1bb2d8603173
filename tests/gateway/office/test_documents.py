"""`/openapi.json` names every route, and `/docs` shows them without another server's help."""

import re

import httpx


async def test_the_document_names_our_own_routes_and_the_workers_pages(office: httpx.AsyncClient) -> None:
    document = (await office.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/identity/tier-check",
        "/audit",
        "/audit/log",
        "/audit/purge",
        "/me/data",
        "/feedback/card",
        "/feedback/lut",
        "/feedback/health",
        "/feedback/symbols",
        "/admin/flags",
        "/admin/locks",
        "/admin/modulation/preview",
        "/signals",
        "/signals/explain/{audit_id}",
        "/ops/retention",
        "/audit/view/{audit_id}",
        "/audit/{audit_id}",
        "/audit/{audit_id}/bodies",
        "/sql",
        "/sql/schema",
        "/tools/available",
        "/tools/incidents",
        "/tools/incidents/stats",
        "/tools/names",
        "/tools/registry",
        "/tools/tasks",
        "/tools/tasks/{task_id}",
        "/tools/tightenings",
        "/tools/tightenings/{id}",
        "/tools/{name}",
    }
    assert document["paths"]["/healthz"]["get"]["security"] == []


async def test_the_page_shows_each_path_and_loads_nothing_from_elsewhere(office: httpx.AsyncClient) -> None:
    reply = await office.get("/docs")
    assert reply.headers["content-type"].startswith("text/html")
    for path, operations in (await office.get("/openapi.json")).json()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in reply.text
    assert re.findall(r"https?://|<script|<link", reply.text) == []
