"""A table of rows: a line each, ids whole, long values cut, and columns left out where the terminal has no room."""

from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len

from gateway.commands.sql_table import table

AUDIT_ID = "A-019ce63e-7a10-7000-8000-00000000000e"
AT = "2026-03-14T08:37:41.565267Z"


def test_columns_are_as_wide_as_what_they_hold() -> None:
    laid = table(("model", "n"), [("gpt-4o", "12"), ("o3", "7")], 80)
    assert laid.lines == ("model   n", "gpt-4o  12", "o3      7")
    assert (laid.left_out, laid.is_cut) == ((), False)


def test_ids_and_times_stay_whole_where_columns_have_no_room() -> None:
    laid = table(("audit_id", "started", "model", "trail"), [(AUDIT_ID, AT, "gpt-4o-mini", "x" * 900)], 80)
    assert laid.lines[1] == f"{AUDIT_ID}  {AT}  gpt-4o-mini"
    assert laid.left_out == ("trail",)


def test_a_long_value_is_cut_before_a_column_is_left_out() -> None:
    laid = table(("audit_id", "error"), [(AUDIT_ID, "y" * 900)], 80)
    assert laid.lines[1] == f"{AUDIT_ID}  {'y' * 39}…"
    assert (laid.left_out, laid.is_cut) == ((), True)


def test_in_a_pipe_no_column_is_left_out_and_no_line_broken() -> None:
    laid = table([f"column_{number}" for number in range(60)], [[AUDIT_ID] * 60], None)
    assert laid.lines[1].split() == [AUDIT_ID] * 60
    assert laid.left_out == ()


def test_what_a_terminal_would_obey_is_shown_as_text() -> None:
    assert table(("error",), [("a\nb\x1b[2J",)], None).lines[1] == r"a\nb\x1b[2J"


@given(
    some.lists(some.lists(some.text(max_size=200), min_size=3, max_size=3), max_size=4),
    some.integers(min_value=40, max_value=150),
)
def test_every_row_has_a_line_that_fits(rows: list[list[str]], width: int) -> None:
    laid = table(("a", "b", "c"), rows, width)
    assert len(laid.lines) == len(rows) + 1
    assert all("\n" not in line and cell_len(line) <= width for line in laid.lines)
