"""The shell as a person meets it at a terminal, and what a begun word may become."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.sql_shell import completions, history_file
from gateway.office.sql import Schema
from storage.sql_schema import View, ViewColumn
from tests.builders.segments import Writer, exchange
from tests.builders.terminal import CONTROL_C, CONTROL_D, TAB, UP, Terminal, at_a_terminal

SCHEMA = Schema(
    [
        View("exchanges", "", (ViewColumn("audit_id", "VARCHAR", ""), ViewColumn("model", "VARCHAR", ""))),
        View("incidents", "", (ViewColumn("audit_id", "VARCHAR", ""), ViewColumn("tool", "VARCHAR", ""))),
    ],
    [],
)


def test_a_begun_word_becomes_a_view_a_column_a_word_or_a_command() -> None:
    assert completions("exch", SCHEMA) == ["exchanges"]
    assert completions("aud", SCHEMA) == ["audit_id"]
    assert completions("sel", SCHEMA) == ["SELECT"]
    assert completions(".sc", SCHEMA) == [".schema"]
    assert completions("zz", SCHEMA) == []


def test_behind_a_dot_only_columns_follow() -> None:
    assert completions("e.", SCHEMA) == ["e.audit_id", "e.model", "e.tool"]
    assert completions("e.mo", SCHEMA) == ["e.model"]


SHELL = "from gateway.commands import main; main()"
LONG = "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b WHERE a.range * b.range = 7;\n"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lukhas" / "sql_history"


@pytest.fixture
def terminal(tmp_path: Path, history: Path) -> Iterator[Terminal]:
    """A shell over five exchanges, at its first prompt."""
    data = tmp_path / "data"
    writer = Writer(data)
    writer.segment()
    for number in range(5):
        writer.append(*exchange(f"A-{number}", at=float(number)))
    history.parent.mkdir(parents=True)
    history.write_text("SELECT 'of last time';\n")
    command = [sys.executable, "-c", SHELL, "sql", "--data", str(data)]
    with at_a_terminal(command, {"XDG_STATE_HOME": str(tmp_path / "state")}) as terminal:
        terminal.until("lukhas> ")
        yield terminal


def test_a_person_asks_completes_and_leaves(terminal: Terminal, history: Path) -> None:
    terminal.type(f"SELECT count(*) AS n\nFROM exch{TAB};\n")
    terminal.until("   ...> ")
    terminal.until("exchanges")
    assert "n\n5\n" in "\n".join(line.strip() for line in terminal.until("(1 row, ").splitlines()) + "\n"
    terminal.until("lukhas> ")
    terminal.type(".mo\t line\nSELECT 1 AS one, 2 AS second;\n")
    terminal.until("   one = 1\nsecond = 2\n")
    terminal.until("lukhas> ")
    terminal.type("SELECT nosuch;\n.mode paper\n")
    terminal.until('"nosuch" was not found')
    terminal.until("There is no mode paper; there are table, line, csv, json.")
    terminal.until("lukhas> ")
    terminal.press(CONTROL_D)
    assert terminal.ended() == 0
    assert history.stat().st_mode & 0o777 == 0o600
    assert history.read_text().splitlines()[:3] == ["SELECT 'of last time';", "SELECT count(*) AS n", "FROM exchanges;"]


def test_what_was_typed_last_time_is_there_again(terminal: Terminal) -> None:
    terminal.type(f"{UP}\n")
    terminal.until("(1 row, ")
    terminal.type(".quit\n")
    assert terminal.ended() == 0


def test_control_c_stops_the_question_and_not_the_shell(terminal: Terminal) -> None:
    terminal.type(LONG)
    terminal.until("Asking")
    terminal.until("0:00:01")
    terminal.press(CONTROL_C)
    terminal.until("Stopped.", seconds=5.0)
    terminal.until("lukhas> ")
    terminal.type("SELECT 'nobody ended\n")
    terminal.until("   ...> ")
    terminal.press(CONTROL_C)
    terminal.until("lukhas> ")
    terminal.type("SELECT 6 * 7 AS answer;\n")
    terminal.until("42")
    terminal.until("lukhas> ")
    terminal.press(CONTROL_D)
    assert terminal.ended() == 0


def test_a_history_that_cannot_be_kept_is_said(tmp_path: Path, terminal: Terminal, history: Path) -> None:
    history.unlink()
    history.mkdir()
    terminal.type("SELECT 1;\n.quit\n")
    terminal.until("What was typed could not be kept in")
    assert terminal.ended() == 0


@pytest.mark.parametrize(
    ("state", "folder"), [("/else/where", "/else/where"), ("", "~/.local/state"), ("relative", "~/.local/state")]
)
def test_the_history_stands_where_the_user_keeps_state(state: str, folder: str) -> None:
    assert history_file({"XDG_STATE_HOME": state}) == Path(folder).expanduser() / "lukhas" / "sql_history"
