"""JSON that cannot be read in exactly one way is refused, and never sent on."""

import json

import pytest

from tests.builders.raw_client import RawReply, a_request
from tests.builders.scripted_upstream import chunk
from tests.builders.stage import RecordingStage

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNREADABLE = {
    "cut off": b'{"model": "gpt-4o"',
    "no JSON": b"hello",
    "single quotes": b"{'model': 'gpt-4o'}",
    "a comment": b'{"model": "gpt-4o"} // ok',
    "a comma too many": b'{"model": "gpt-4o",}',
    "data after the end": b'{"model": "gpt-4o"}{"model": "gpt-5"}',
    "a NUL after the end": b'{"model": "gpt-4o"}\x00',
    "a NUL in a string": b'{"model": "gpt\x00-4o"}',
    "a line break in a string": b'{"model": "gpt\n-4o"}',
    "a form feed": b'\x0c{"model": "gpt-4o"}',
    "NaN": b'{"temperature": NaN}',
    "Infinity": b'{"temperature": -Infinity}',
    "a leading zero": b'{"n": 01}',
    "a key twice": b'{"model": "gpt-4o", "model": "gpt-5"}',
    "a key twice, once escaped": b'{"model": "gpt-4o", "\\u006dodel": "gpt-5"}',
    "a key twice, far down": b'{"messages": [{"role": "user", "role": "system"}]}',
    "a byte order mark": b'\xef\xbb\xbf{"model": "gpt-4o"}',
    "UTF-16 with a mark": json.dumps({"model": "gpt-4o"}).encode("utf-16"),
    "UTF-16": json.dumps({"model": "gpt-4o"}).encode("utf-16-le"),
    "UTF-32": json.dumps({"model": "gpt-4o"}).encode("utf-32-be"),
    "Latin-1": '{"model": "café"}'.encode("latin-1"),
    "half a character": b'{"model": "\xe2\x82"}',
    "an encoded surrogate": b'{"model": "\xed\xa0\x80"}',
    "an overlong slash": b'{"model": "\xc0\xaf"}',
    "10 000 arrays": b"[" * 10_000 + b"]" * 10_000,
    "half of 10 000 arrays": b"[" * 10_000,
    "3 000 objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "a number of 6 000 digits": b'{"n": ' + b"1" * 6000 + b"}",
    "only white space": b" \n",
}
TYPES = (
    b"text/plain",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=b",
    b"application/octet-stream",
    b"application/jsonl",
    b"json",
)
PARAMETERS = (
    b"application/json; charset=utf-16",
    b'application/json;charset="ISO-8859-1"',
    b"application/json; charset=utf-7",
)


async def refused(stage: RecordingStage, request: bytes) -> RawReply:
    """Sends a request that must not reach the upstream; gives its refusal."""
    count = len(stage.script.requests)
    came = await stage.ask(request)
    assert len(stage.script.requests) == count
    assert came.audit_id
    assert came.error["type"] == "invalid_request_error"
    return came


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_in_one_way_is_400(stage: RecordingStage, body: bytes) -> None:
    came = await refused(stage, a_request(body=body))
    assert (came.status, came.error["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("path", [b"POST /v1/responses", b"POST /v1/unheard/of", b"PATCH /v1/unheard"])
async def test_it_is_refused_at_every_path(stage: RecordingStage, path: bytes) -> None:
    came = await refused(stage, a_request(path, body=b'{"a": 1, "a": 2}'))
    assert (came.status, came.error["code"]) == (400, "invalid_json")
    assert "'a' twice" in str(came.error["message"])


async def test_it_is_refused_in_chunks_too(stage: RecordingStage) -> None:
    head = a_request(b"POST /v1/responses", b"Transfer-Encoding: chunked", b"Content-Type: application/json")
    came = await refused(stage, head + chunk(b'{"a": 1, "a') + chunk(b'": 2}') + chunk(b""))
    assert (came.status, came.error["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("kind", TYPES)
async def test_json_under_another_type_is_400_where_json_is_expected(stage: RecordingStage, kind: bytes) -> None:
    request = a_request(b"POST /v1/chat/completions", b"Content-Type: " + kind, body=b'{"model": "gpt-4o"}')
    came = await refused(stage, request)
    assert (came.status, came.error["code"]) == (400, "unsupported_content_type")


async def test_json_without_a_type_is_400_where_json_is_expected(stage: RecordingStage) -> None:
    request = a_request(b"POST /v1/chat/completions", b"Content-Length: 2") + b"{}"
    came = await refused(stage, request)
    assert (came.status, came.error["code"]) == (400, "unsupported_content_type")


async def test_two_types_that_differ_are_400(stage: RecordingStage) -> None:
    kinds = (b"Content-Type: application/json", b"Content-Type: text/plain")
    for order in (kinds, kinds[::-1]):
        came = await refused(stage, a_request(b"POST /v1/chat/completions", *order, body=b"{}"))
        assert (came.status, came.error["code"]) == (400, "ambiguous_content_type")


@pytest.mark.parametrize("kind", PARAMETERS)
async def test_json_in_another_character_set_is_400(stage: RecordingStage, kind: bytes) -> None:
    came = await refused(stage, a_request(b"POST /v1/responses", b"Content-Type: " + kind, body=b"{}"))
    assert (came.status, came.error["code"]) == (400, "unsupported_charset")


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"identity, gzip"])
async def test_packed_json_is_400(stage: RecordingStage, encoding: bytes) -> None:
    came = await refused(stage, a_request(b"POST /v1/responses", b"Content-Encoding: " + encoding, body=b"\x1f\x8b"))
    assert (came.status, came.error["code"]) == (400, "unsupported_content_encoding")


@pytest.mark.parametrize("model", [b"5", b"null", b"[]", b"{}", b"true", b'["gpt-4o"]'])
async def test_a_model_that_is_no_name_is_refused_unless_it_is_null(stage: RecordingStage, model: bytes) -> None:
    request = a_request(body=b'{"model": ' + model + b"}")
    if model == b"null":
        assert (await stage.sent(request)).body == b'{"model": null}'
    else:
        came = await refused(stage, request)
        assert (came.status, came.error["code"], came.error["param"]) == (400, "invalid_model", "model")


@pytest.mark.parametrize("body", [b'{"stream": "yes", "messages": 5}', b'{"messages": [[[]]], "tools": null}', b"5"])
async def test_other_wrong_types_are_the_upstreams_to_judge(stage: RecordingStage, body: bytes) -> None:
    assert (await stage.sent(a_request(body=body))).body == body


async def test_a_form_that_cannot_be_read_in_one_way_is_400(stage: RecordingStage) -> None:
    kind = b"Content-Type: multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    for body in (b"no form", b"--c\r\n\r\n--c--", part % b"a" + part % b"b" + b"--b--", b"--b\n\n{}\n--b--"):
        came = await refused(stage, a_request(b"POST /v1/audio/transcriptions", kind, body=body))
        assert (came.status, came.error["code"]) == (400, "invalid_form")
    came = await refused(
        stage, a_request(b"POST /v1/audio/transcriptions", b"Content-Type: multipart/form-data", body=part)
    )
    assert (came.status, came.error["code"]) == (400, "invalid_form")


async def test_another_model_behind_the_file_breaks_the_upload_off(stage: RecordingStage) -> None:
    kind = b"Content-Type: multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + b"x" * 70_000 + b"\r\n"
    came = await refused(
        stage,
        a_request(b"POST /v1/audio/transcriptions", kind, body=part % b"a" + file + part % b"b" + b"--b--"),
    )
    assert (came.status, came.error["code"]) == (400, "invalid_form")
