"""The bytes of a request body cross the gateway unchanged, but for the members that a plugin changed."""

import re
from pathlib import Path

import pytest

from tests.builders.raw_client import a_request
from tests.builders.scripted_upstream import reply
from tests.builders.stage import Recording, Stage, staged

UNUSUAL = (
    b'{ "temperature":1e-7,"seed" : 12345678901234567890123,\r\n\t"z":-0.0, "a":1.0,"model":"gpt-4o",'
    b'"messages":[ {"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 \\/ \xc3\xa9 \xf0\x9f\x98\x80","w":1E+2} ] ,'
    b'"unheard_of": {"deep":[[],{},null,true,0.1000]},"lone":"\\ud800", "max_tokens" : 10 } \n'
)
BODIES = (
    UNUSUAL,
    b"",
    b"{}",
    b" \n[1,\t2 ] ",
    b'"text"',
    b'{"model":"gpt-4o","n":1.7976931348623157e308,"tiny":5e-324,"long":0.10000000000000000000000000000000001}',
    b'{"model":"gpt-4o","text":"' + b"x" * 300_000 + b'"}',
)
NUDGE = '''
"""Sets the temperature, takes the seed away, and puts a message first."""

from gateway import Exchange, Insert, Nudge, Remove, Set, hookimpl


class Cooling:
    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        message = {"role": "system", "content": "caf\\u00e9"}
        changes = (Set(("temperature",), 0.5), Remove(("seed",)), Insert(("messages",), 0, message))
        return Nudge(changes, because="it runs hot")
'''


async def arrived(stage: Stage, upstream: Recording, body: bytes, *headers: bytes) -> bytes:
    """Posts a body; gives what came of it at the upstream."""
    answer = await stage.ask(a_request(b"POST /v1/chat/completions", *headers, body=body))
    assert answer.status == 200, answer.body
    return upstream.last.body


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_a_body_that_no_plugin_changed_arrives_byte_for_byte(body: bytes) -> None:
    upstream = Recording(reply(b"{}", b"Content-Type: application/json"))
    async with staged(upstream) as stage:
        assert await arrived(stage, upstream, body) == body
        assert upstream.last.head.lower().count(b"\r\ncontent-length: %d\r\n" % len(body)) == 1


async def test_a_chunked_body_arrives_byte_for_byte() -> None:
    upstream = Recording(reply(b"{}", b"Content-Type: application/json"))
    chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(each), each) for each in re.findall(b"(?s).{1,7}", UNUSUAL))
    framed = chunks + b"0\r\n\r\n"
    request = a_request(b"POST /v1/chat/completions", b"Transfer-Encoding: chunked", b"Content-Type: application/json")
    async with staged(upstream) as stage:
        assert (await stage.ask(request + framed)).status == 200
    assert upstream.last.body == UNUSUAL


async def test_only_the_members_that_a_plugin_named_differ(tmp_path: Path) -> None:
    (tmp_path / "cooling.py").write_text(NUDGE)
    upstream = Recording(reply(b"{}", b"Content-Type: application/json"))
    async with staged(upstream, chain=["default", str(tmp_path / "cooling.py")]) as stage:
        came = await arrived(stage, upstream, UNUSUAL)
        assert (await stage.records())[0]["trail"]
    expected = (
        UNUSUAL.replace(b'"temperature":1e-7', b'"temperature":0.5')
        .replace(b'"seed" : 12345678901234567890123,\r\n\t', b"")
        .replace(b'"messages":[ {', b'"messages":[ {"role":"system","content":"caf\xc3\xa9"},{')
    )
    assert came == expected


async def test_a_body_that_is_no_object_passes_a_plugin_that_would_change_it(tmp_path: Path) -> None:
    (tmp_path / "cooling.py").write_text(NUDGE)
    upstream = Recording(reply(b"{}", b"Content-Type: application/json"))
    async with staged(upstream, chain=["default", str(tmp_path / "cooling.py")]) as stage:
        assert await arrived(stage, upstream, b" [1e-7 ]") == b" [1e-7 ]"


async def test_a_change_that_the_body_has_no_place_for_is_dropped_whole_and_recorded(tmp_path: Path) -> None:
    (tmp_path / "cooling.py").write_text(NUDGE)
    upstream = Recording(reply(b"{}", b"Content-Type: application/json"))
    body = b'{"model": "gpt-4o", "temperature": 1, "messages": "none"}'
    async with staged(upstream, chain=["default", str(tmp_path / "cooling.py")]) as stage:
        assert await arrived(stage, upstream, body) == body
        (record,) = await stage.records()
    assert [step["fault"] for step in record["trail"] if "fault" in step] == ["wrong_type: messages is not an array"]
