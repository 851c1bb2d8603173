"""Every answer of the office tells a browser to do no more with it than to show it."""

import re
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

ASKED = (
    "/docs",
    "/docs/nothing",
    "/openapi.json",
    "/nothing",
    "/audit",
    "/sql/schema",
    "/audit/view/A-1",
    "/audit/A-1",
)


@pytest.mark.parametrize("path", ASKED)
async def test_an_answer_carries_the_headers(office: httpx.AsyncClient, path: str) -> None:
    for headers in ({}, {"x-api-key": "the-admin-key"}):
        reply = await office.get(path, headers=headers)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert len(reply.headers.get_list("content-security-policy")) == 1


async def test_the_page_of_the_routes_may_use_its_own_style(office: httpx.AsyncClient) -> None:
    reply = await office.get("/docs")
    (style,) = re.findall(r"<style>(.*?)</style>", reply.text)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in reply.headers["content-security-policy"]
