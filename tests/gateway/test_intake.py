"""What is taken in of a request: its endpoint, and its body read whole, as a form, or left to stream through."""

from typing import Any

import msgspec
import pytest

from gateway import Refusal
from gateway.client import BodyTimeout
from gateway.endpoints import Endpoint
from gateway.intake import Intake, endpoint_of, taken_in
from tests.builders.fake_client import CHAT, FakeClient
from tests.builders.pipelines import ENDPOINTS

LIMIT = 1000
CHAT_ENDPOINT = ENDPOINTS.find("POST", "/chat/completions")
SPEECH_TO_TEXT = ENDPOINTS.find("POST", "/audio/transcriptions")
JSON = b"application/json"
FORM = b"multipart/form-data; boundary=b"
A_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 500 + b"\r\n--b--\r\n"
)


async def taken(
    body: Any, kind: bytes | None = JSON, endpoint: Endpoint | None = CHAT_ENDPOINT, /, **headers: bytes
) -> Intake | Refusal:
    """What becomes of a body; `headers` are written with underlines."""
    pairs = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    if kind is not None:
        pairs.append((b"Content-Type", kind))
    client = FakeClient(body, headers=tuple(pairs))
    return await taken_in(client, endpoint, LIMIT, LIMIT)


async def intake(*arguments: Any, **headers: bytes) -> Intake:
    taken_ = await taken(*arguments, **headers)
    assert isinstance(taken_, Intake)
    return taken_


async def refusal(*arguments: Any, **headers: bytes) -> tuple[int, str]:
    taken_ = await taken(*arguments, **headers)
    assert isinstance(taken_, Refusal)
    return taken_.status, taken_.code


async def streamed(taken_: Intake) -> bytes:
    assert taken_.stream is not None
    return b"".join([piece async for piece in taken_.stream])


# Endpoints.


@pytest.mark.parametrize(
    ("method", "target", "prefix", "name"),
    [
        (b"POST", b"/v1/chat/completions", 3, "chat.completions"),
        (b"POST", b"/v1/chat/completions?beta=true", 3, "chat.completions"),
        (b"POST", b"/chat/completions", 0, "chat.completions"),
        (b"GET", b"/v1/models/org%2Fmodel", 3, "models.{model}"),
    ],
)
def test_a_path_leads_to_its_endpoint(method: bytes, target: bytes, prefix: int, name: str) -> None:
    endpoint = endpoint_of(ENDPOINTS, method, target, prefix)
    assert isinstance(endpoint, Endpoint)
    assert endpoint.name == name


@pytest.mark.parametrize("target", [b"/v1/unheard/of", b"/v1/", b"/v1", b"/v1/chat"])
def test_an_unknown_path_passes_unknown(target: bytes) -> None:
    assert endpoint_of(ENDPOINTS, b"POST", target, 3) is None


@pytest.mark.parametrize(
    "target",
    [b"/v1/chat%2fcompletions", b"/v1//chat/completions", b"/v1/x/../chat/completions", b"/v1/Chat/completions"],
)
def test_a_known_endpoint_in_disguise_is_refused(target: bytes) -> None:
    refused = endpoint_of(ENDPOINTS, b"POST", target, 3)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (400, "non_canonical_path")
    assert "/v1/chat/completions" in refused.message


# JSON.


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json; charset=utf8; profile=x",
        b"application/json; profile=x; charset=UTF-8",
        b"application/vnd.api+json",
    ],
)
async def test_a_json_body_is_read_and_its_bytes_kept(content_type: bytes) -> None:
    request = (await intake([CHAT[:10], CHAT[10:]], content_type)).request
    assert (request.body, request.model, request.endpoint) == (CHAT, "gpt-4o-mini", CHAT_ENDPOINT)


@pytest.mark.parametrize("body", [None, b""])
@pytest.mark.parametrize("content_type", [None, JSON, b"text/plain"])
async def test_no_body_is_an_empty_one(body: bytes | None, content_type: bytes | None) -> None:
    taken_ = await intake(body, content_type)
    assert (taken_.request.body, taken_.request.json, taken_.stream) == (b"", None, None)


@pytest.mark.parametrize(
    "body", [b"{", b"nope", b'{"a":1}{', b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"[NaN]"]
)
async def test_what_is_not_json_in_one_way_is_refused(body: bytes) -> None:
    assert await refusal(body) == (400, "invalid_json")


async def test_ambiguous_json_is_refused_on_an_unknown_path_too() -> None:
    assert await refusal(b'{"a":1,"a":2}', JSON, None) == (400, "invalid_json")


@pytest.mark.parametrize(
    "body", [b'"%b"' % (b"x" * LIMIT), [b'"', b"x" * LIMIT, b'"']], ids=["announced", "found while reading"]
)
async def test_a_json_body_above_the_limit_is_413(body: Any) -> None:
    assert await refusal(body) == (413, "body_too_large")


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"identity, gzip"])
async def test_a_compressed_json_body_is_refused(encoding: bytes) -> None:
    assert await refusal(CHAT, content_encoding=encoding) == (400, "unsupported_content_encoding")
    assert await refusal(CHAT, content_encoding=b"identity", Content_Encoding=encoding) == (
        400,
        "unsupported_content_encoding",
    )
    assert (await intake(CHAT, content_encoding=b"Identity")).request.body == CHAT


@pytest.mark.parametrize(
    "charset", [b"utf-16", b"latin1", b'"utf-7"', b"utf-8; charset=utf-16", b"utf-16; charset=utf-8"]
)
async def test_json_in_another_charset_is_refused(charset: bytes) -> None:
    assert await refusal(CHAT, b"application/json; charset=" + charset) == (400, "unsupported_charset")


@pytest.mark.parametrize("content_type", [None, b"text/plain", b"application/x-www-form-urlencoded", FORM, b"json"])
async def test_json_under_another_name_is_refused_where_json_is_read(content_type: bytes | None) -> None:
    assert await refusal(CHAT, content_type) == (400, "unsupported_content_type")


@pytest.mark.parametrize("endpoint", [CHAT_ENDPOINT, SPEECH_TO_TEXT, None])
async def test_a_body_under_two_types_is_refused(endpoint: Endpoint | None) -> None:
    assert await refusal(CHAT, JSON, endpoint, content_type=FORM) == (400, "ambiguous_content_type")


# What streams.


async def test_a_form_streams_through_with_its_fields_read() -> None:
    taken_ = await intake([A_FORM[:100], A_FORM[100:]], FORM, SPEECH_TO_TEXT)
    assert (taken_.request.body, taken_.request.model) == (None, "whisper-1")
    assert await streamed(taken_) == A_FORM


@pytest.mark.parametrize("content_type", [b"multipart/form-data", b"multipart/form-data; boundary=c"])
async def test_a_form_that_cannot_be_read_is_refused(content_type: bytes) -> None:
    assert await refusal(A_FORM, content_type, SPEECH_TO_TEXT) == (400, "invalid_form")


async def test_a_form_above_the_limit_is_413() -> None:
    assert await refusal(A_FORM * 2, FORM, SPEECH_TO_TEXT) == (413, "body_too_large")
    assert await refusal([A_FORM[:60], b"x" * LIMIT], FORM, SPEECH_TO_TEXT) == (413, "body_too_large")


@pytest.mark.parametrize("content_type", [None, b"application/octet-stream", FORM])
async def test_any_other_body_streams_through_unread(content_type: bytes | None) -> None:
    taken_ = await intake([b"\x00", b"\xff"], content_type, None)
    assert (taken_.request.body, taken_.request.json, taken_.request.fields) == (None, None, {})
    assert await streamed(taken_) == b"\x00\xff"


@pytest.mark.parametrize(("content_type", "endpoint"), [(JSON, CHAT_ENDPOINT), (FORM, SPEECH_TO_TEXT)])
async def test_a_client_that_stops_sending_is_not_hidden(content_type: bytes, endpoint: Endpoint) -> None:
    with pytest.raises(BodyTimeout):
        await taken([b"--b\r\n", BodyTimeout()], content_type, endpoint)


@pytest.mark.parametrize("name", ["Tools", "TEMPERATURE", "N", "tool\u017f", "max_to\u212aens"])
async def test_a_governed_member_in_other_letters_is_refused(name: str) -> None:
    body = msgspec.json.encode({"model": "m", name: 1})
    assert await refusal(body) == (400, "misspelt_member")
    assert (await intake(body, JSON, None)).request.json == {"model": "m", name: 1}


async def test_a_name_of_a_tool_in_other_letters_is_refused_with_the_way_to_it() -> None:
    refused = await taken(b'{"model":"m","tools":[{"type":"function","Function":{"name":"f"}}]}')
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.param) == ("misspelt_member", "tools[0].Function")


async def test_the_texts_of_embeddings_are_not_looked_at_for_tools() -> None:
    body = b'{"model":"m","input":[{"Type":"x"}]}'
    assert (await intake(body, JSON, ENDPOINTS.find("POST", "/embeddings"))).request.body == body
    assert await refusal(body, JSON, ENDPOINTS.find("POST", "/responses")) == (400, "misspelt_member")


async def test_other_members_may_be_spelt_as_anybody_likes() -> None:
    assert (await intake(b'{"model":"m","X-Own":1,"Toolset":2}')).request.json == {
        "model": "m",
        "X-Own": 1,
        "Toolset": 2,
    }
