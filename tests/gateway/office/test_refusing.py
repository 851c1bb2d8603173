"""All that the office refuses has the shape of the OpenAI API's errors."""

import httpx
import pytest


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/docs/nowhere", 404, "not_found"),
        ("POST", "/openapi.json", 405, "method_not_allowed"),
        ("DELETE", "/identity/tier-check", 405, "method_not_allowed"),
    ],
)
async def test_a_path_or_method_that_is_not_there(
    office: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    reply = await office.request(method, path)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith(".")
    assert (status == 405) == ("allow" in reply.headers)


@pytest.mark.parametrize("body", [b"\xff", b'{"sql": "\xff"}', b"[" * 100_000], ids=["byte", "text", "deep"])
async def test_a_body_that_nobody_can_read_is_400(office: httpx.AsyncClient, body: bytes) -> None:
    headers = {"x-api-key": "lk-mine", "content-type": "application/json"}
    reply = await office.post("/sql", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")
