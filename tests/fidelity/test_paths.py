"""The raw path and query, the method and the unknown cross the gateway as they came."""

import pytest

from tests.builders.raw_client import a_request
from tests.builders.stage import RecordingStage, recording_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
TARGETS = (
    b"/v1/models",
    b"/v1/models/org%2Fmodel",
    b"/v1/models/ft:gpt-4o:acme::7p4lURel",
    b"/v1/models/caf%C3%A9",
    b"/v1/responses/resp_1?include[]=a&include[]=b",
    b"/v1/responses/resp_1?include%5B%5D=a",
    b"/v1/files?purpose=&limit=10&after",
    b"/v1/files?tag=1&tag=2&tag=1",
    b"/v1/files?beta=true",
    b"/v1/files?",
    b"/v1/files?q=a+b%20c&plus=%2B&e=%e9",
    b"/v1/files?redirect=http://host.test/v1//x/../y",
    b"/v1/nothing/that/anybody/knows",
    b"/v1/nothing%2Fthat/any;body=1/knows/",
    b"/v1/Nothing/~that!$&'()*,=knows",
)
# What llhttp can read; a method that it does not know is refused as no HTTP (tests/bad_input/test_http.py).
METHODS = (
    b"GET",
    b"POST",
    b"PUT",
    b"PATCH",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"PURGE",
    b"QUERY",
    b"PROPFIND",
    b"REPORT",
)


@pytest.mark.parametrize("target", TARGETS)
async def test_the_raw_path_and_query_arrive_unchanged(stage: RecordingStage, target: bytes) -> None:
    assert (await stage.sent(a_request(b"GET " + target))).line == b"GET " + target + b" HTTP/1.1"


@pytest.mark.parametrize("method", METHODS)
async def test_any_method_arrives_unchanged(stage: RecordingStage, method: bytes) -> None:
    came = await stage.sent(a_request(method + b" /v1/unheard/of?x"), method)
    assert came.line == method + b" /v1/unheard/of?x HTTP/1.1"


@pytest.mark.parametrize("kind", [b"application/json", b"application/x-ndjson", b"text/plain", b"audio/wav"])
async def test_an_unknown_path_takes_a_body_of_any_type(stage: RecordingStage, kind: bytes) -> None:
    came = await stage.sent(a_request(b"POST /v1/unheard/of", b"Content-Type: " + kind, body=b'{"a": 1e-7}'))
    assert came.body == b'{"a": 1e-7}'


async def test_an_unknown_path_takes_a_body_without_a_type(stage: RecordingStage) -> None:
    came = await stage.sent(a_request(b"POST /v1/unheard/of", b"Content-Length: 3") + b"\x00\xff\x01")
    assert came.body == b"\x00\xff\x01"


@pytest.mark.parametrize("prefix", ["", "/openai/v1", "/v1/proxied/"])
async def test_the_prefix_of_the_upstream_takes_the_place_of_v1(prefix: str) -> None:
    async with recording_stage(prefix=prefix) as stage:
        came = await stage.sent(a_request(b"GET /v1/models?a=%2F"))
    assert came.line == f"GET {prefix.rstrip('/')}/models?a=%2F HTTP/1.1".encode()


async def test_the_known_endpoints_answer_without_v1_where_the_settings_say_so() -> None:
    async with recording_stage(server={"bare_paths": True}) as stage:
        assert (await stage.sent(a_request(b"GET /models?x=1"))).line == b"GET /v1/models?x=1 HTTP/1.1"
