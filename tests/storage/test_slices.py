"""Slices: each line in the slice of its table, nothing of it lost, and what cannot be read said."""

import json
import re
from importlib.resources import files
from typing import Any

from storage.slices import KNOWN, JournalLine, Slices, Sorter
from tests.builders.segments import began, ended, exchange


def line(event: dict[str, Any] | bytes, position: int = 0) -> JournalLine:
    text = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
    return JournalLine("worker-0", 7, position, text)


def sorted_lines(*events: dict[str, Any] | bytes) -> Slices:
    return Sorter().sort([line(event, 100 * at) for at, event in enumerate(events)])


def rows(slices: Slices, name: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in slices.texts[name].splitlines()]


def test_a_row_holds_the_line_and_its_place() -> None:
    event = ended("A-1")
    assert rows(sorted_lines(b'{"event":"root"}', event), "ended") == [
        {"writer": "worker-0", "segment": 7, "position": 100, "line": event}
    ]


def test_members_that_no_column_knows_stand_apart() -> None:
    [row] = rows(sorted_lines(ended("A-1", mood="calm", depth={"a": [1]})), "ended")
    assert row["more"] == {"mood": "calm", "depth": {"a": [1]}}


def test_a_beginning_counts_only_until_its_end_is_known() -> None:
    slices = sorted_lines(*exchange("A-1"), began("A-2"))
    assert [row["line"]["audit_id"] for row in rows(slices, "began")] == ["A-2"]


def test_an_event_of_an_unknown_name_goes_to_the_others() -> None:
    event = {"event": "eclipse", "audit_id": "A-1", "shade": 0.5}
    assert [row["line"] for row in rows(sorted_lines(event), "other")] == [event]


def test_what_the_journal_says_about_itself_is_no_row() -> None:
    slices = sorted_lines({"event": "segment", "number": 7}, {"event": "root", "first": 0})
    assert set(slices.texts.values()) == {b""}
    assert slices.malformed == ()


def test_what_is_no_event_is_malformed_with_a_reason() -> None:
    unreadable = (b"", b"x", b"[1]", b'{"a":1}', b'{"event":1}', b'{"event":"ended"', b'{"event":"e","a":NaN}')
    deep = b'{"event":"ended","trail":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    slices = sorted_lines(*unreadable, deep)
    assert [each.line.text for each in slices.malformed] == [*unreadable, deep]
    assert all(re.fullmatch(r"[A-Z].*\.", each.reason, re.DOTALL) for each in slices.malformed)
    assert set(slices.texts.values()) == {b""}


def test_a_beginning_whose_name_of_a_member_has_a_flipped_byte_is_malformed_and_stops_no_other_line() -> None:
    flipped = b'{"event":"began","audit_id":"A-1","c\xe1ller":"alice"}'
    slices = sorted_lines(flipped, began("A-2"))
    assert [each.line.text for each in slices.malformed] == [flipped]
    assert [row["line"]["audit_id"] for row in rows(slices, "began")] == ["A-2"]


def test_a_flipped_bit_anywhere_in_a_line_never_stops_the_others() -> None:
    for whole in (b'{"event":"began","audit_id":"A-1","tier":"T1"}', b'{"event":"ended","audit_id":"A-1","tier":"T1"}'):
        for at in range(8 * len(whole)):
            flipped = bytearray(whole)
            flipped[at // 8] ^= 1 << at % 8
            slices = sorted_lines(bytes(flipped), began("A-2"), ended("A-3"))
            assert b'"A-2"' in slices.texts["began"], flipped
            assert b'"A-3"' in slices.texts["ended"], flipped


def test_a_segment_that_only_goes_on_is_told_from_a_new_life() -> None:
    slices = sorted_lines({"event": "segment", "number": 7, "continues": True})
    assert slices.continued == {("worker-0", 7)}
    assert sorted_lines({"event": "segment", "number": 7, "continues": False}).continued == frozenset()


def test_the_known_members_are_those_that_the_ingest_reads() -> None:
    script = (files("storage") / "ingest.sql").read_text(encoding="utf-8")
    for name, members in KNOWN.items():
        table = re.search(rf"getvariable\('slice_{name}'\).*?line: 'STRUCT\((.*?)\)'\n", script, re.DOTALL)
        assert table is not None
        flat = re.sub(r"STRUCT\([^()]*\)", "STRUCT", table[1])
        read = {column.split()[0].strip('"') for column in flat.split(",")}
        assert members == read | {"event"}
