"""Messages as events: which have to be read, and which cannot be read in one way alone."""

import codecs
from typing import Any

import pytest

from gateway.answers import Refusal
from gateway.websocket.frames import carries_tools, may_be_event, may_tell, read_event

KINDS = ("response.create", "session.update")
EVENT = '  \n{"type":"response.create"}'
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.create"}',
        '{"type":"session.update"}',
        '{"type":"input_audio_buffer.append","type":"response.create"}',
        '{"type":"response\\u002ecreate"}',
        '{"type":"\\u0072\\u0065\\u0073ponse.create"}',
        '{"type":"session\\u002Eupdate"}',
        '{"type":"newer","\\u0074ools":[]}',
        '{"type":"newer","tool\\u0073" : []}',
        '{"type":"newer","tools":[]}',
        '{"type":"newer","Functions":[]}',
        '{"type":"newer","TOOLS":[]}',
        '{"type":"newer","tool\u017f":[]}',
        '{"type":"newer","\\u0054ools":[]}',
        '{"type":"newer","tool\\u017F":[]}',
    ],
)
def test_what_somebody_may_read_as_one_of_these_events_has_to_be_read(text: str) -> None:
    assert may_tell(text, KINDS)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"input_audio_buffer.append","audio":"UklGR"}',
        '{"type":"response.cancel"}',
        '{"type":"input_audio_buffer.append","audio":"Ukl\\u002BGR\\u0022\\u003d"}',
        '{"type":"conversation.item.create","item":{"content":"\\"tools\\""}}',
        '{"a": "\\u0000", "a": "\\u00e4"}',
        "not an event",
        "",
    ],
)
def test_other_texts_need_not_be_read(text: str) -> None:
    assert not may_tell(text, KINDS)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_binary_message_may_be_an_event_in_any_encoding(encoding: str) -> None:
    assert may_be_event(EVENT.encode(encoding))


@pytest.mark.parametrize(
    ("mark", "encoding"), [(codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_BE, "utf-32-be")], ids=["16", "32"]
)
def test_also_behind_the_mark_of_its_byte_order(mark: bytes, encoding: str) -> None:
    assert may_be_event(mark + EVENT.encode(encoding))


def test_also_where_its_type_has_escapes_in_it() -> None:
    assert may_be_event(b'{"\\u0074ype":"response.create"}')


@pytest.mark.parametrize("data", [b"", bytes(range(256)), bytes(10_000), b"{ sound", b'RIFF{"type":'], ids=range(5))
def test_sound_is_no_event(data: bytes) -> None:
    assert not may_be_event(data)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"a","type":"response.create"}', "invalid_json"),
        ('{"type":"response.create","response":{"tools":[],"tools":[1]}}', "invalid_json"),
        ('\ufeff{"type":"response.create"}', "invalid_json"),
        ('{"type":"response.create"} {}', "invalid_json"),
        ('[{"type":"response.create"}]', "invalid_json"),
        ('{"type":"response.create","n":NaN}', "invalid_json"),
        ('{"type":"response.create","Tools":[]}', "misspelt_member"),
        ('{"Type":"response.create"}', "misspelt_member"),
        ('{"type":"session.update","Session":{"tools":[]}}', "misspelt_member"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(text: str, code: str) -> None:
    refusal = read_event(text.encode())
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == (code, 400)


def test_an_event_is_read_as_it_is_written() -> None:
    assert read_event(b'{"type":"response.create","input":"\\u00e4"}') == {"type": "response.create", "input": "ä"}


@pytest.mark.parametrize(
    ("event", "carries"),
    [
        ({"tools": [1]}, True),
        ({"session": {"Functions": [1]}}, True),
        ({"input": [{"type": "additional_tools", "tools": [1]}]}, True),
        ({"input": [{"content": [{"a": {"TOOL\u017f": [1]}}]}]}, True),
        ({"tools": [], "functions": None, "input": ["tools", {"content": "tools"}]}, False),
        ({"item": {"type": "mcp_list_tools", "server_label": "wiki", "tools": [{"tools": [1]}]}}, False),
        ({"item": {"type": "mcp_list_tools", "tools": [], "more": {"tools": [1]}}}, True),
        ({"item": {"type": "mcp_list_tools", "Type": "additional_tools", "tools": [1]}}, True),
        ({"item": {"type": "mcp_list_tools", "Tools": [1]}}, True),
    ],
    ids=range(9),
)
def test_tools_are_found_wherever_and_however_they_stand(event: Any, carries: bool) -> None:
    assert carries_tools(event) is carries
