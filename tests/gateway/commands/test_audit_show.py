"""One exchange is told in sentences with its steps; programs get the line."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands.audit_show import show_command
from gateway.commands.failing import Failed
from tests.builders.people import keyring_of
from tests.builders.segments import Writer, began, exchange

ADA = "key:0123456789abcdef0123"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with an exchange of Ada, and one that has not ended."""
    with keyring_of(tmp_path) as keyring:
        pseudonym = keyring.person(ADA).pseudonym
    writer = Writer(tmp_path)
    writer.segment()
    writer.append(*exchange("A-of-ada", caller=pseudonym), began("A-of-somebody"))
    return tmp_path


def show(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(show_command, [*arguments, "--data", str(data), "--config", os.devnull])


def test_an_exchange_is_told_in_sentences_and_a_table(data: Path) -> None:
    said = show(data, "A-of-ada").stdout
    assert said.startswith("A-of-ada: Answered in ")
    assert f"the caller {ADA}" in said
    steps = [line.split() for line in said.partition("Steps")[2].splitlines() if line.strip()]
    assert steps[0] == ["after", "step", "by", "took", "says"]
    assert [row[2] for row in steps[1:]] == ["identify", "admit", "send", "account"]
    assert "status 200" in said


def test_after_an_erasure_it_does_not_say_who(data: Path) -> None:
    with keyring_of(data) as keyring:
        keyring.erase(ADA)
    said = show(data, "A-of-ada").stdout
    assert ADA not in said
    assert "someone who was erased since" in said


def test_one_that_has_not_ended_is_told_so(data: Path) -> None:
    assert "Begun, and not ended yet" in show(data, "A-of-somebody").stdout


def test_programs_get_the_line_as_it_stands_in_the_journal(data: Path) -> None:
    lines = (data / "journal" / "worker-0" / "00000001.jsonl").read_text().splitlines()
    assert show(data, "A-of-ada", "--json").stdout == lines[2] + "\n"


@pytest.mark.parametrize("audit_id", ["A-not-there", "x", "../../etc/passwd"])
def test_one_that_is_not_there_is_said_to_be_so(data: Path, audit_id: str) -> None:
    done = show(data, audit_id)
    assert isinstance(done.exception, Failed)
    assert str(done.exception) == f"The journal has no exchange {audit_id}."


def test_without_a_journal_it_says_where_it_looked(tmp_path: Path) -> None:
    assert "There is no journal in" in str(show(tmp_path / "nowhere", "A-of-ada").exception)
