"""A page of an origin that the settings name asks the model API as the SDK does in a browser; others cannot."""

from tests.builders.raw_client import RawReply, a_request
from tests.builders.scripted_upstream import reply
from tests.builders.stage import Recording, Stage, staged

APP = b"https://app.example"
ALLOWED = {"cors_origins": [APP.decode()]}
ASKS_FIRST = (b"Access-Control-Request-Method: POST", b"Access-Control-Request-Headers: authorization, x-stainless-os")
OF_THE_UPSTREAM = (b"Content-Type: application/json", b"x-request-id: req_1", b"Access-Control-Allow-Origin: *")


async def asked_first(stage: Stage, origin: bytes = APP) -> RawReply:
    line = b"OPTIONS /v1/chat/completions"
    return await stage.ask(a_request(line, b"Origin: " + origin, *ASKS_FIRST, key=None))


async def test_a_browser_asks_first_and_then_reads_the_answer() -> None:
    upstream = Recording(reply(b"{}", *OF_THE_UPSTREAM))
    async with staged(upstream, server=ALLOWED) as stage:
        before = await asked_first(stage)
        assert (before.status, before.body) == (204, b"")
        assert before.value(b"access-control-allow-origin") == APP
        assert before.value(b"access-control-allow-headers") == b"authorization, x-stainless-os"
        assert upstream.requests == []
        assert stage.gateway.lines() == []
        came = await stage.ask(a_request(b"POST /v1/chat/completions", b"Origin: " + APP, body=b"{}"))
        assert (came.status, came.value(b"access-control-allow-origin")) == (200, APP)
        assert came.value(b"access-control-expose-headers") == b"*"
        assert (came.value(b"x-request-id"), bool(came.audit_id)) == (b"req_1", True)


async def test_errors_of_the_gateway_can_be_read_too() -> None:
    async with staged(Recording(), server=ALLOWED) as stage:
        came = await stage.ask(a_request(b"POST /v1/chat/completions", b"Origin: " + APP, body=b"{", key=b"sk-a"))
        assert (came.error["code"], came.value(b"access-control-allow-origin")) == ("invalid_json", APP)


async def test_another_origin_may_not_ask() -> None:
    async with staged(Recording(), server=ALLOWED) as stage:
        came = await asked_first(stage, b"https://other.example")
        assert (came.status, came.values(b"access-control-allow-origin")) == (401, [])


async def test_unless_the_settings_name_an_origin_none_may_ask() -> None:
    async with staged(Recording()) as stage:
        came = await asked_first(stage)
        assert (came.status, came.values(b"access-control-allow-origin")) == (401, [])
