"""The bytes of a request body cross the gateway unchanged, but for the members that a plugin changed."""

import re
from pathlib import Path

import pytest

from tests.builders.raw_client import a_request
from tests.builders.stage import RecordingStage, recording_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
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
FAULT = "wrong_type: SpliceError: messages is not an array"
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


@pytest.fixture
def cooling(tmp_path: Path) -> str:
    """The file of a plugin that changes requests."""
    file = tmp_path / "cooling.py"
    file.write_text(NUDGE)
    return str(file)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_a_body_that_no_plugin_changed_arrives_byte_for_byte(stage: RecordingStage, body: bytes) -> None:
    came = await stage.sent(a_request(body=body))
    assert came.body == body
    assert came.head.lower().count(b"\r\ncontent-length: %d\r\n" % len(body)) == 1


async def test_a_chunked_body_arrives_byte_for_byte(stage: RecordingStage) -> None:
    chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(each), each) for each in re.findall(b"(?s).{1,7}", UNUSUAL))
    head = a_request(b"POST /v1/chat/completions", b"Transfer-Encoding: chunked", b"Content-Type: application/json")
    assert (await stage.sent(head + chunks + b"0\r\n\r\n")).body == UNUSUAL


async def test_only_the_members_that_a_plugin_named_differ(cooling: str) -> None:
    async with recording_stage(chain=["default", cooling]) as stage:
        came = await stage.sent(a_request(body=UNUSUAL))
    assert came.body == (
        UNUSUAL.replace(b'"temperature":1e-7', b'"temperature":0.5')
        .replace(b'"seed" : 12345678901234567890123,\r\n\t', b"")
        .replace(b'"messages":[ {', b'"messages":[ {"role":"system","content":"caf\xc3\xa9"},{')
    )


async def test_a_body_that_is_no_object_passes_a_plugin_that_would_change_it(cooling: str) -> None:
    async with recording_stage(chain=["default", cooling]) as stage:
        assert (await stage.sent(a_request(body=b" [1e-7 ]"))).body == b" [1e-7 ]"


async def test_changes_are_made_all_or_none_and_those_without_a_place_are_recorded(cooling: str) -> None:
    body = b'{"model": "gpt-4o", "temperature": 1, "messages": "none"}'
    async with recording_stage(chain=["default", cooling]) as stage:
        assert (await stage.sent(a_request(body=body))).body == body
        (record,) = await stage.records()
    assert [step["fault"] for step in record["trail"] if "fault" in step] == [FAULT]
