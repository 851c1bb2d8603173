"""Records leave as lines of JSON or CSV, whole files or standard output, with principals or pseudonyms."""

import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.commands.audit_export import COLUMNS, export_command
from tests.builders.people import keyring_of
from tests.builders.segments import Writer, exchange

ADA = "key:0123456789abcdef0123"
BOB = "key:bob"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three exchanges of Ada, two of Bob, one of nobody, an hour apart from 2026-03-14 15:00."""
    with keyring_of(tmp_path) as keyring:
        people = {name: keyring.person(name).pseudonym for name in (ADA, BOB)}
    writer = Writer(tmp_path)
    writer.segment()
    for number, who in enumerate((ADA, BOB, ADA, BOB, ADA, None)):
        caller = people[who] if who else None
        writer.append(*exchange(f"A-0000000{number}", at=3600.0 * number, caller=caller, error="=cmd()"))
    return tmp_path


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(data: Path, tmp_path: Path) -> None:
    done = export(data, "--out", str(tmp_path / "gone" / "x"))
    assert str(done.exception) == f"{tmp_path}/gone/x cannot be written: No such file or directory."


def export(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(export_command, [*arguments, "--data", str(data), "--config", os.devnull])


def lines(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_record_is_a_line_with_the_principal(data: Path) -> None:
    said = lines(export(data))
    assert [line["audit_id"] for line in said] == [f"A-0000000{number}" for number in range(6)]
    assert [line["caller"] for line in said] == [ADA, BOB, ADA, BOB, ADA, None]
    assert {line["event"] for line in said} == {"ended"}


def test_one_who_was_erased_is_called_so(data: Path) -> None:
    with keyring_of(data) as keyring:
        keyring.erase(ADA)
    assert [line["caller"] for line in lines(export(data))] == ["erased", BOB, "erased", BOB, "erased", None]


def test_pseudonyms_stay_where_they_are_asked_for(data: Path) -> None:
    said = lines(export(data, "--pseudonyms"))
    assert {line["caller"][:2] for line in said if line["caller"]} == {"p-"}


def test_the_records_of_one_caller_or_time_alone(data: Path) -> None:
    assert len(lines(export(data, "--caller", ADA))) == 3
    assert len(lines(export(data, "--caller", "key:nobody"))) == 0
    started = [line["started"] for line in lines(export(data))]
    assert [line["started"] for line in lines(export(data, "--since", started[2]))] == started[2:]
    assert [line["started"] for line in lines(export(data, "--until", started[2]))] == started[:2]


def test_a_table_has_a_row_for_each_and_no_formula(data: Path) -> None:
    done = export(data, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["caller"] for row in rows] == [ADA, BOB, ADA, BOB, ADA, ""]
    assert {row["input_tokens"] for row in rows} == {"120"}
    assert {row["error"] for row in rows} == {"'=cmd()"}


def test_a_file_is_there_when_it_is_whole_and_for_nobody_else(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = export(data, "--out", str(out))
    assert done.exit_code == 0
    assert (done.stdout, done.stderr) == ("", f"6 records in {out}.\n")
    assert len(out.read_bytes().splitlines()) == 6
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("out*")] == ["out.jsonl"]


def test_a_time_that_is_none_is_wrong_use(data: Path) -> None:
    done = export(data, "--since", "yesterday")
    assert done.exit_code == 2
    assert "2026-11-01T12:00:00Z" in done.stderr
