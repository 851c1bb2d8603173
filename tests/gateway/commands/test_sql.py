"""`lukhas sql`: answers in every format, from the file or from the office of a running gateway, and as a shell."""

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.ipc
import pytest
import uvicorn
from click.testing import CliRunner, Result
from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from gateway.answers import Refusal
from gateway.commands.sql import command
from gateway.office.refusing import Refused, broken, not_done, refused
from gateway.office.server import bound
from gateway.office.sql import sql_routes
from gateway.testing import a_caller
from identity.caller import Caller
from policies.queries import load_queries
from storage.sql_sandbox import Sandbox
from tests.builders.segments import Writer, exchange
from tests.builders.terminal import at_a_terminal
from tests.builders.warehouses import warehouse

SHELL = "from gateway.commands.sql import command; command()"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with five exchanges that no warehouse has taken in yet."""
    writer = Writer(tmp_path)
    writer.segment()
    for number in range(5):
        writer.append(*exchange(f"A-{number}", at=float(number), caller="key:bob" if number % 2 else "key:ada"))
    return tmp_path


def run(data: Path, *arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(command, ["--data", str(data), *arguments], env={"LUKHAS_KEY": None, **environ})


async def caller_of(request: Request[Any, Any, Any]) -> Caller:
    if request.headers.get("authorization") not in (None, "Bearer the-admin-key"):
        raise Refused(Refusal("Who are you?", code="invalid_api_key", status=401))
    return a_caller(principal="admin", permissions=frozenset(("*",)))


@contextmanager
def served(data: Path) -> Iterator[None]:
    """A warehouse that is open, with the office's handlers on the operator's socket of a running gateway."""
    with warehouse(data) as opened:
        sandbox = Sandbox(opened, opened.folder)
        app = Litestar(
            [*sql_routes(sandbox, load_queries(None))],
            dependencies={"caller": Provide(caller_of)},
            exception_handlers={Refused: refused, HTTPException: not_done, Exception: broken},
        )
        folder = data / "run" / "4711"
        left = data / "run" / "4712"
        folder.mkdir(parents=True)
        left.mkdir()
        bound(left / "operator.sock").close()
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, log_level="critical"))
        listener = bound(folder / "operator.sock")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
            sandbox.close()


def test_rows_come_as_a_table(data: Path) -> None:
    result = run(data, "SELECT caller, count(*) AS n FROM exchanges GROUP BY ALL ORDER BY 1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines() if line.strip()] == [
        ["caller", "n"],
        ["key:ada", "3"],
        ["key:bob", "2"],
    ]


def test_rows_come_as_csv_json_parquet_and_arrow(data: Path) -> None:
    ask = "SELECT audit_id, total_ms FROM exchanges ORDER BY 1 LIMIT 2"
    assert run(data, ask, "--format", "csv").stdout_bytes == b"audit_id,total_ms\r\nA-0,250.0\r\nA-1,250.0\r\n"
    assert json.loads(run(data, ask, "--format", "json").stdout) == [
        {"audit_id": "A-0", "total_ms": 250.0},
        {"audit_id": "A-1", "total_ms": 250.0},
    ]
    parquet = run(data, ask, "--format", "parquet").stdout_bytes
    assert parquet[:4] == parquet[-4:] == b"PAR1"
    with pyarrow.ipc.open_stream(io.BytesIO(run(data, ask, "--format", "arrow").stdout_bytes)) as stream:
        assert stream.read_all().column("audit_id").to_pylist() == ["A-0", "A-1"]


def test_a_wide_answer_has_a_line_for_each_row_in_a_terminal_and_says_what_it_lacks(data: Path) -> None:
    command = [sys.executable, "-c", SHELL, "SELECT * FROM exchanges", "--data", str(data)]
    with at_a_terminal(command, {"COLUMNS": "80"}) as terminal:
        shown = terminal.until("have no room: ").strip().splitlines()
        assert terminal.ended() == 0
    lines = shown[-7:-1]
    assert sorted(line.split()[0] for line in lines) == [*(f"A-{number}" for number in range(5)), "audit_id"]
    assert max(map(len, lines)) <= 80


def test_a_row_that_is_too_wide_is_shown_line_by_line(data: Path) -> None:
    command = [sys.executable, "-c", SHELL, "SELECT * FROM exchanges LIMIT 1", "--data", str(data)]
    with at_a_terminal(command, {"COLUMNS": "80"}) as terminal:
        terminal.until("audit_id = A-0\n")
        assert terminal.ended() == 0


def test_a_wide_answer_in_a_pipe_has_a_line_for_each_row(data: Path) -> None:
    result = run(data, "SELECT *, repeat('long ', 1000) AS said FROM exchanges")
    assert len(result.stdout.splitlines()) == 6
    assert len(result.stdout) < 20_000
    assert "Long values are cut" in result.stderr
    whole = run(data, "SELECT repeat('long ', 1000) AS said", "--format", "line")
    assert whole.stdout == f"said = {'long ' * 1000}\n"


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_file_is_not_sent_to_a_terminal(format: str, data: Path) -> None:
    command = [sys.executable, "-c", SHELL, "SELECT 1", "--format", format, "--data", str(data)]
    with at_a_terminal(command, {}) as terminal:
        terminal.until("is not for a terminal: send it to a file, as in")
        assert terminal.ended() == 2


def test_a_long_answer_comes_whole_where_a_program_reads_it(data: Path) -> None:
    ask = "SELECT range AS n FROM range(25000)"
    assert len(json.loads(run(data, ask, "--format", "json").stdout)) == 25_000
    assert run(data, ask, "--format", "csv").stdout_bytes.count(b"\n") == 25_001
    table = run(data, ask)
    assert "the first 1000 rows" in table.stderr
    assert len(table.stdout.splitlines()) < 1010


def test_a_canned_query_takes_its_parameters(data: Path) -> None:
    result = run(data, "--query", "slowest", "-p", "hours=1000000", "-p", "most=2", "--format", "json")
    assert len(json.loads(result.stdout)) == 2


def test_a_query_that_is_wrong_is_in_the_way_of_no_other(data: Path, tmp_path: Path) -> None:
    queries = tmp_path / "policies" / "queries"
    queries.mkdir(parents=True)
    (queries / "mine.sql").write_text("-- Mine.\nSELECT 42 AS n\n")
    (queries / "bad.sql").write_text("SELECT 1\n")
    config = tmp_path / "lukhas.yaml"
    config.write_text(f"policies: {{folder: {tmp_path}/policies}}\n")
    found = run(data, "--config", str(config), "--query", "mine", "--format", "json")
    assert json.loads(found.stdout) == [{"n": 42}]
    assert "bad.sql, line 1" in str(run(data, "--config", str(config), "--query", "bad").exception)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["DROP VIEW exchanges"], 1, "Only SELECT is allowed"),
        (["SELECT nosuch FROM exchanges"], 1, "nosuch"),
        (["--query", "nosuch"], 1, "There is no query 'nosuch'"),
        (["SELECT 1", "--query", "slowest"], 2, "not both"),
        (["SELECT 1", "--format", "xlsx"], 2, "xlsx"),
        (["SELECT $a", "-p", "a"], 2, "NAME=VALUE"),
        (["SELECT $a", "-p", "a=\udcff"], 2, "the value of a is no UTF-8"),
    ],
    ids=str,
)
def test_what_cannot_be_answered_says_why(arguments: list[str], code: int, says: str, data: Path) -> None:
    result = run(data, *arguments)
    # Failed is caught where all commands are: there it becomes its sentence and exit code 1.
    assert says in result.stderr + str(result.exception)
    assert (2 if result.exit_code == 2 else 1) == code


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    result = run(tmp_path / "nosuch", "SELECT 1")
    assert "nothing has been recorded" in str(result.exception)
    assert not (tmp_path / "nosuch").exists()


def test_while_a_gateway_serves_its_office_answers(data: Path) -> None:
    ask = "SELECT count(*) AS n FROM exchanges"
    with served(data):
        found = run(data, ask, "--format", "json")
        assert json.loads(found.stdout) == [{"n": 5}]
        pages = run(data, "SELECT range AS n FROM range(15000)", "--format", "csv", LUKHAS_KEY="the-admin-key")
        assert pages.stdout_bytes.count(b"\n") == 15_001
        assert "LUKHAS_KEY holds no key" in str(run(data, ask, LUKHAS_KEY="another").exception)
        assert "Only SELECT" in str(run(data, "DROP VIEW exchanges", LUKHAS_KEY="the-admin-key").exception)
    assert json.loads(run(data, ask, "--format", "json").stdout) == [{"n": 5}]


def test_a_key_is_not_passed_over_where_nobody_can_say_whose_it_is(data: Path) -> None:
    done = run(data, "SELECT caller FROM exchanges", LUKHAS_KEY="lk-bob")
    assert "no gateway serves this data folder" in str(done.exception)
    assert done.stdout == ""


def test_a_gateway_that_is_starting_is_waited_for(data: Path) -> None:
    late = data / "run" / "4711" / "operator.sock"
    with served(data):
        early = late.rename(late.with_name("early.sock"))
        opening = threading.Timer(1.0, early.rename, (late,))
        opening.start()
        done = run(data, "SELECT count(*) AS n FROM exchanges", "--format", "json")
        opening.join()
    assert json.loads(done.stdout) == [{"n": 5}]


def test_a_warehouse_that_is_open_and_not_served_is_said(data: Path) -> None:
    with warehouse(data):
        assert "Another process" in str(run(data, "SELECT 1").exception)


def test_without_a_statement_it_is_a_shell(data: Path) -> None:
    typed = """.tables
SELECT count(*) AS
  n, 'semi;colon' AS text -- and; a remark
FROM exchanges;
SELECT nosuch;
.schema feedback
.schema nosuch
.queries
.nosuch
.quit
SELECT 'unreached';
"""
    done = subprocess.run(
        [sys.executable, "-c", SHELL, "--data", str(data)], input=typed, capture_output=True, text=True, check=True
    )
    for found in ("One row for each request to the model API", "semi;colon", "1 to 5.", "cost_by_caller"):
        assert found in done.stdout, found
    assert "unreached" not in done.stdout
    for said in ("nosuch", "There is no view nosuch", "There is no .nosuch"):
        assert said in done.stderr, said
    assert "leaked" not in done.stderr
