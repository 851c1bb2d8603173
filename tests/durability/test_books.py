"""The comparison finds each way in which a record can be wrong."""

from pathlib import Path

import pytest
import zstandard

from tests.durability.books import Figures, Line, Row, exchange_lines, faults, figures
from tests.durability.crowd import Told

TOLD = (Told("m-1", "whole", "A-1"), Told("m-2", "left", "A-2"), Told("m-3", "broken"))
ASKED = ("m-1", "m-2")
LINES = (
    Line("began", "A-1", "m-1"),
    Line("began", "A-2", "m-2"),
    Line("ended", "A-1", "m-1", "answered"),
)
ROWS = (Row("A-1", "answered"), Row("A-2", "lost"))


def test_what_is_as_promised_has_no_fault_and_is_counted() -> None:
    assert faults(TOLD, ASKED, LINES, ROWS) == []
    assert figures(TOLD, ASKED, LINES, ROWS) == Figures(sent=3, whole=1, asked=2, began=2, ended=1, rows=2)
    assert figures(TOLD, ASKED, LINES, ROWS).lost == 1


def test_an_answer_without_its_line_is_found() -> None:
    told = (*TOLD, Told("m-4", "whole", "A-4"))
    assert faults(told, ASKED, LINES, ROWS) == ["A-4 (m-4) was answered and has no line ended"]


def test_a_line_of_somebody_elses_exchange_does_not_do() -> None:
    told = (*TOLD, Told("m-4", "whole", "A-1"))
    assert faults(told, ASKED, LINES, ROWS) == ["A-1 (m-4) was answered and has no line ended"]


def test_a_request_that_went_out_without_a_beginning_is_found() -> None:
    assert faults(TOLD, (*ASKED, "m-3"), LINES, ROWS) == ["m-3 reached the upstream and never began"]


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_that_stands_there_twice_is_found(number: int) -> None:
    line = LINES[number]
    assert faults(TOLD, ASKED, (*LINES, line), ROWS) == [f"{line.audit_id} has 2 lines {line.event}"]


def test_an_end_without_a_beginning_is_found() -> None:
    lines = (*LINES, Line("ended", "A-5", "m-5", "answered"))
    assert faults(TOLD, ASKED, lines, (*ROWS, Row("A-5", "answered"))) == ["A-5 has ended and never began"]


def test_rows_that_are_missing_double_invented_or_wrong_are_found() -> None:
    assert faults(TOLD, ASKED, LINES, ROWS[:1]) == ["A-2 (lost) has 0 rows"]
    assert faults(TOLD, ASKED, LINES, (*ROWS, ROWS[0])) == ["A-1 (answered) has 2 rows"]
    assert faults(TOLD, ASKED, LINES, (*ROWS, Row("A-9", "cut"))) == ["A-9 has a row and no line"]
    wrong = (Row("A-1", "lost"), ROWS[1])
    assert faults(TOLD, ASKED, LINES, wrong) == ["A-1 is lost in its row, and answered in the journal"]


def test_the_journal_is_read_from_segments_plain_and_packed_and_without_what_is_torn(tmp_path: Path) -> None:
    folder = tmp_path / "journal" / "worker-0"
    folder.mkdir(parents=True)
    first = b'{"event":"segment"}\n{"event":"began","audit_id":"A-1","model":"m-1"}\n{"event":"en'
    last = b'{"event":"ended","audit_id":"A-1","model":"m-1","outcome":"cut"}\n'
    (folder / "00000001.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(first))
    (folder / "00000002.jsonl").write_bytes(last)
    (folder / "00000002.jsonl.zst").write_bytes(b"half packed")
    (folder / "last_root").write_bytes(b"{}")
    assert exchange_lines(tmp_path) == [Line("began", "A-1", "m-1"), Line("ended", "A-1", "m-1", "cut")]
