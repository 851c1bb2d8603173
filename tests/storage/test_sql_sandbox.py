"""The sandbox: people get answers over the rows that are theirs, and nothing else, whatever they ask."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import cycle
from pathlib import Path
from secrets import token_hex
from threading import Timer
from time import monotonic
from typing import Any

import duckdb
import pytest

from storage.sql_check import SqlRefused
from storage.sql_formats import Format
from storage.sql_sandbox import Answer, Limits, Sandbox
from storage.sql_turns import SqlBusy
from storage.warehouse import Warehouse
from tests.builders.segments import Writer, called, exchange, moment
from tests.builders.warehouses import ids, warehouse

CORPUS = Path(__file__).with_name("escape_corpus.sql")
QUICK = Limits(rows=1000, seconds=0.2)


def statements() -> dict[str, list[str]]:
    """The statements of the corpus, by why they are refused."""
    _, *paragraphs = CORPUS.read_text(encoding="utf-8").strip().split("\n\n")
    found: dict[str, list[str]] = {}
    why = ""
    for paragraph in paragraphs:
        if paragraph.startswith("-- "):
            why = paragraph.removeprefix("-- ")
        else:
            found.setdefault(why, []).append(paragraph)
    return found


ENDLESS = "It would never end, or need any amount of memory, before the engine itself stops it."
ENDING = [statement for why, each in statements().items() if why != ENDLESS for statement in each]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Exchanges of Ada and Bob, some of them in Parquet."""
    data = tmp_path_factory.mktemp("data")
    (data / "secret.csv").write_text("hidden\nplanted\n")
    writer = Writer(data)
    writer.segment()
    for number in range(20):
        who = "ada" if number % 2 else "bob"
        writer.append(
            *exchange(
                f"A-{number:02}",
                at=number * 9000.0,
                caller=f"key:{who}",
                error=f"of {who}",
                model=f"for-{who}",
                tools=called(f"of_{who}"),
            )
        )
        for event in ("incident", "feedback"):
            writer.append({"event": event, "audit_id": f"A-{number:02}", "at": moment(), "caller": f"key:{who}"})
    with warehouse(data) as opened:
        opened.archive(date(2026, 3, 15))
        yield opened


@pytest.fixture
def sandbox(opened: Warehouse) -> Iterator[Sandbox]:
    sandbox = Sandbox(opened, opened.folder)
    yield sandbox
    sandbox.close()


def rows(answer: Answer) -> list[list[Any]]:
    found: list[list[Any]] = json.loads(answer.body)["rows"]
    return found


def test_the_corpus_is_as_long_as_it_should_be() -> None:
    every = [statement for each in statements().values() for statement in each]
    assert len(every) == len(set(every)) > 350
    assert all(why.endswith(".") for why in statements())


def spelled(statement: str, data: Path) -> str:
    return re.sub(r"\bSECRET\b", str(data / "secret.csv"), re.sub(r"\bDATA\b", str(data), statement))


@pytest.mark.parametrize("why", [why for why in statements() if why != ENDLESS])
def test_no_statement_of_the_corpus_gets_out(why: str, sandbox: Sandbox, opened: Warehouse) -> None:
    for statement in statements()[why]:
        began = monotonic()
        for principal in ("key:ada", None):
            said = refusal(sandbox, spelled(statement, opened.folder.parent), principal)
            assert re.fullmatch(r"[A-Z].*[.)]", said, re.DOTALL), statement
            assert "planted" not in said
        assert monotonic() - began < 2, statement


def refusal(sandbox: Sandbox, statement: str, principal: str | None) -> str:
    """Why a statement is refused; a row is no reason."""
    try:
        return f"but {sandbox.query(statement, principal=principal, limits=QUICK).body!r} came out"
    except SqlRefused as refused:
        return str(refused)


@pytest.mark.parametrize("statement", statements()[ENDLESS])
def test_no_statement_of_the_corpus_goes_on(statement: str, sandbox: Sandbox) -> None:
    began = monotonic()
    with pytest.raises(SqlRefused, match=r"longer than|more memory"):
        sandbox.query(statement, principal="key:ada", limits=QUICK)
    assert monotonic() - began < 10
    assert rows(sandbox.query("SELECT 1", principal="key:ada")) == [[1]]


def test_the_corpus_leaves_everything_as_it_was(sandbox: Sandbox, opened: Warehouse) -> None:
    data = opened.folder.parent

    def files() -> set[Path]:
        return {path for path in data.rglob("*") if "slice" not in path.name}

    before = files()
    formats: tuple[Format, ...] = ("parquet", "arrow")
    for format, statement in zip(cycle(formats), ENDING, strict=False):
        with pytest.raises(SqlRefused):
            sandbox.query(spelled(statement, data), principal=None, limits=QUICK, format=format)
    assert files() == before
    assert len(ids(opened)) == 20


def test_a_pivot_with_its_values_is_one_select(sandbox: Sandbox) -> None:
    with pytest.raises(SqlRefused, match="ON column IN"):
        sandbox.query("PIVOT exchanges ON model USING count(*)", principal="key:ada")
    pivot = "PIVOT exchanges ON model IN ('for-ada', 'for-bob') USING count(*) GROUP BY caller"
    assert rows(sandbox.query(pivot, principal="key:ada")) == [["key:ada", 10, 0]]


def test_a_name_of_python_is_no_table(sandbox: Sandbox) -> None:
    frame = [{"a": 1}]
    with pytest.raises(SqlRefused):
        sandbox.query("SELECT * FROM frame", principal=None)
    assert frame


@pytest.mark.parametrize(
    "view", ["exchanges", "attempts", "tool_calls", "incidents", "feedback", "usage_daily", "latency_minute"]
)
def test_callers_see_what_is_theirs_and_admins_all(view: str, sandbox: Sandbox) -> None:
    every = sandbox.query(f"SELECT * FROM {view}", principal=None)
    mine = sandbox.query(f"SELECT * FROM {view}", principal="key:ada")
    assert every.rows > mine.rows > 0
    assert b"bob" in every.body
    assert b"bob" not in mine.body
    assert sandbox.query(f"SELECT * FROM {view}", principal="key:eve").rows == 0


@pytest.mark.parametrize("principal", ["' OR true --", "key:ada' OR 'a' = 'a", 'key:ada"', "%", ""])
def test_a_principal_is_a_value_and_never_sql(principal: str, sandbox: Sandbox) -> None:
    assert sandbox.query("SELECT * FROM exchanges", principal=principal).rows == 0


def test_a_condition_is_asked_of_the_callers_own_rows_alone(sandbox: Sandbox) -> None:
    asks = "SELECT count(*) FROM exchanges WHERE CASE WHEN error = 'of bob' THEN error(audit_id) ELSE true END"
    assert rows(sandbox.query(asks, principal="key:ada")) == [[10]]
    with pytest.raises(SqlRefused, match="A-"):
        sandbox.query(asks, principal=None)
    casts = "SELECT count(*) FROM exchanges WHERE TRY_CAST(audit_id[4:] AS INTEGER) % 2 = 1 OR error::INTEGER = 1"
    assert rows(sandbox.query(casts, principal="key:ada")) == [[10]]


def test_parameters_are_bound_by_name_and_by_place(sandbox: Sandbox) -> None:
    named = sandbox.query("SELECT audit_id FROM exchanges WHERE audit_id = $id", {"id": "A-03"}, principal=None)
    placed = sandbox.query("SELECT audit_id FROM exchanges WHERE audit_id = ?", ["A-03"], principal=None)
    assert rows(named) == rows(placed) == [["A-03"]]
    hostile = sandbox.query("SELECT count(*) FROM exchanges WHERE caller = $c", {"c": "' OR true --"}, principal=None)
    assert rows(hostile) == [[0]]
    with pytest.raises(SqlRefused, match="not provided"):
        sandbox.query("SELECT $id", {}, principal=None)


def test_a_long_answer_comes_in_pages_that_add_up(sandbox: Sandbox) -> None:
    limits = Limits(rows=7)
    page = sandbox.query("SELECT range FROM range(1000)", principal="key:ada", limits=limits)
    found = rows(page)
    while page.next is not None:
        page = sandbox.next(page.next, principal="key:ada")
        assert 0 < page.rows <= 7
        found += rows(page)
    assert found == [[number] for number in range(1000)]


def test_the_limits_of_a_page_hold_for_the_next_ones_until_others_are_told(sandbox: Sandbox) -> None:
    first = sandbox.query("SELECT range FROM range(20)", principal=None, limits=Limits(rows=3))
    second = sandbox.next(first.next or "", principal=None)
    third = sandbox.next(second.next or "", principal=None, rows=5)
    assert [page.rows for page in (first, second, third, sandbox.next(third.next or "", principal=None))] == [
        3,
        3,
        5,
        5,
    ]


def test_an_answer_that_fits_has_no_next_page(sandbox: Sandbox) -> None:
    assert sandbox.query("SELECT range FROM range(7)", principal=None, limits=Limits(rows=7)).next is None
    assert sandbox.query("SELECT range FROM range(8)", principal=None, limits=Limits(rows=7)).next is not None


def test_a_page_is_given_once_and_to_nobody_else(sandbox: Sandbox) -> None:
    page = sandbox.query("SELECT range FROM range(9)", principal="key:ada", limits=Limits(rows=3))
    assert page.next is not None
    for stranger in ("key:bob", None):
        with pytest.raises(SqlRefused, match="no such answer"):
            sandbox.next(page.next, principal=stranger)
    assert sandbox.next(page.next, principal="key:ada", rows=6).rows == 6
    with pytest.raises(SqlRefused, match="no such answer"):
        sandbox.next(page.next, principal="key:ada")


def test_a_page_stays_below_its_size_whatever_the_rows_hold(sandbox: Sandbox) -> None:
    wide = "SELECT repeat('wide ', 1000) || range FROM range(20000)"
    page = sandbox.query(wide, principal=None, limits=Limits(rows=100_000))
    assert 16 << 20 <= len(page.body) < 20 << 20
    assert page.next is not None


def test_an_answer_that_nobody_asks_on_is_let_go(opened: Warehouse) -> None:
    now = [0.0]
    sandbox = Sandbox(opened, opened.folder, lambda: now[0])
    page = sandbox.query("SELECT range FROM range(9)", principal=None, limits=Limits(rows=3))
    now[0] = 61.0
    sandbox.query("SELECT 1", principal=None)
    assert page.next is not None
    with pytest.raises(SqlRefused, match="no such answer"):
        sandbox.next(page.next, principal=None)


def test_the_rest_of_an_answer_does_not_hold_up_who_puts_the_file_in_order(sandbox: Sandbox, opened: Warehouse) -> None:
    page = sandbox.query("SELECT audit_id FROM exchanges", principal=None, limits=Limits(rows=3))
    opened.compact()
    assert page.next is not None
    with pytest.raises(SqlRefused, match="ask again"):
        sandbox.next(page.next, principal=None)


def test_a_statement_that_holds_up_who_puts_the_file_in_order_is_told_to_ask_again(
    sandbox: Sandbox, opened: Warehouse
) -> None:
    in_order = Timer(0.2, opened.compact)
    in_order.start()
    with pytest.raises(SqlBusy, match="ask again"):
        sandbox.query("SELECT count(*) FROM range(1000000000) a, range(1000000000) b", principal="key:ada")
    in_order.join()


def test_a_broken_file_is_no_fault_of_who_asks(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.segment()
    for number in range(2000):
        writer.append(*exchange(f"A-{number:04}", at=float(number), error=token_hex(200)))
    with warehouse(tmp_path) as opened:
        opened.compact()
        file = opened.folder / "warehouse.duckdb"
    with file.open("r+b") as broken:
        broken.seek(file.stat().st_size // 2)
        broken.write(b"not what was written here")
    reopened = Warehouse(tmp_path)
    reopened.open()
    sandbox = Sandbox(reopened, reopened.folder)
    try:
        with pytest.raises(SqlBusy, match="cannot be read here"):
            sandbox.query("SELECT max(error), max(trail::VARCHAR), max(audit_id) FROM exchanges", principal=None)
    finally:
        sandbox.close()
        reopened.close()


def test_what_takes_too_long_is_stopped(sandbox: Sandbox) -> None:
    began = monotonic()
    with pytest.raises(SqlRefused, match=r"longer than 0\.2 seconds"):
        sandbox.query(
            "SELECT count(*) FROM range(10000000) a, range(10000000) b", principal=None, limits=Limits(seconds=0.2)
        )
    assert monotonic() - began < 5
    assert rows(sandbox.query("SELECT 1", principal=None)) == [[1]]


@pytest.mark.parametrize(
    "text", ["WITH a AS (" * 30, "SELECT " + "(" * 20_000, "SELECT " + "[" * 20_000, "SELECT 1" + " + 1" * 50_000]
)
def test_what_the_parser_would_choke_on_is_refused_at_once(text: str, sandbox: Sandbox) -> None:
    began = monotonic()
    with pytest.raises(SqlRefused):
        sandbox.query(text, principal=None)
    assert monotonic() - began < 2


def test_json_says_what_the_values_are(sandbox: Sandbox) -> None:
    answer = sandbox.query(
        "SELECT TIMESTAMP '2026-03-14 09:26:53.5' AS t, 'x'::BLOB AS b, '{\"a\": [1]}'::JSON AS j, 1.50::DECIMAL(4, 2) "
        "AS d, 'NaN'::DOUBLE AS n, NULL AS o, [TIMESTAMP '2026-03-14'] AS l, {'a': 'x'::BLOB} AS s, "
        "170141183460469231731687303715884105727::HUGEINT AS h, DATE '2026-03-14' AS day",
        principal=None,
    )
    assert json.loads(answer.body)["columns"][0] == {"name": "t", "type": "TIMESTAMP"}
    [row] = rows(answer)
    assert row == [
        "2026-03-14T09:26:53.500000Z",
        "78",
        {"a": [1]},
        1.5,
        None,
        None,
        ["2026-03-14T00:00:00Z"],
        {"a": "78"},
        "170141183460469231731687303715884105727",
        "2026-03-14",
    ]


def test_no_cell_of_a_csv_is_a_formula(sandbox: Sandbox) -> None:
    cells = ["=1+1", "+1", "-1", "@a", "\tx", "\r=x", "plain", 'quo"te', "new\nline", "é"]
    answer = sandbox.query('SELECT unnest($cells) AS "=head"', {"cells": cells}, principal=None, format="csv")
    [head, *lines] = csv.reader(io.StringIO(answer.body.decode()))
    assert head == ["'=head"]
    assert [line[0] for line in lines] == [f"'{cell}" for cell in cells[:6]] + cells[6:]
    numbers = sandbox.query("SELECT -1, -1.5, true, NULL, TIMESTAMP '2026-03-14'", principal=None, format="csv")
    assert numbers.body.splitlines()[1] == b"-1,-1.5,true,,2026-03-14T00:00:00Z"


def test_only_the_first_page_of_a_csv_names_the_columns(sandbox: Sandbox) -> None:
    page = sandbox.query("SELECT range AS n FROM range(4)", principal=None, limits=Limits(rows=2), format="csv")
    assert page.next is not None
    assert (page.body, sandbox.next(page.next, principal=None).body) == (b"n\r\n0\r\n1\r\n", b"2\r\n3\r\n")


def test_parquet_holds_the_rows_of_the_principal(sandbox: Sandbox, tmp_path: Path) -> None:
    answer = sandbox.query(
        "SELECT audit_id, started FROM exchanges WHERE model = $m ORDER BY 1; -- the end",
        {"m": "for-ada"},
        principal="key:ada",
        format="parquet",
    )
    (tmp_path / "answer.parquet").write_bytes(answer.body)
    with duckdb.connect() as other:
        found = other.execute("SELECT audit_id FROM read_parquet(?)", [str(tmp_path / "answer.parquet")]).fetchall()
    assert [row[0] for row in found] == [f"A-{number:02}" for number in range(1, 20, 2)]
    assert answer.rows == 10
    with pytest.raises(SqlRefused, match="more than 3 rows"):
        sandbox.query("SELECT * FROM exchanges", principal="key:ada", format="parquet", limits=Limits(rows=3))


def test_every_view_and_column_says_what_it_means(sandbox: Sandbox) -> None:
    views = sandbox.views(principal=None)
    assert [view.name for view in views] == [
        "exchanges",
        "attempts",
        "tool_calls",
        "incidents",
        "signals",
        "changes",
        "moderation",
        "feedback",
        "usage_daily",
        "latency_minute",
    ]
    assert [f"{view.name}.{column.name}" for view in views for column in view.columns if not column.says] == []
    assert [view.name for view in views if not view.says] == []
    assert sandbox.views(principal="key:ada") == views


def test_a_word_that_sql_keeps_for_itself_is_explained(sandbox: Sandbox) -> None:
    with pytest.raises(SqlRefused, match="double quotes"):
        sandbox.query("SELECT at FROM incidents", principal=None)
    assert sandbox.query('SELECT "at" FROM incidents', principal=None).rows == 20
