"""Every row of the page about crossings has a test that shows it, or says that it is not built and why."""

import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.references import missing
from tests.docs.tables import Row, tables_of

PAGE = ROOT / "docs" / "interactions.md"
TABLES = dict(tables_of(PAGE))
ROWS = [(f"{heading}: {row[0] or row[1]}", row) for heading, table in TABLES.items() for row in table[1:]]
NOT_BUILT = re.compile(r"not built: \S.{10,}")


def fault_of(row: Row) -> str | None:
    """Says what is wrong with the last cell of a row; None where it holds."""
    shown_by = re.findall(r"`(tests/[^`]+)`", row[-1])
    if not shown_by:
        return None if NOT_BUILT.fullmatch(row[-1]) else "nothing shows it, and it does not say why it is not built"
    without_a_test = [each for each in shown_by if "::test_" not in each]
    return next((fault for each in shown_by if (fault := missing(each))), None) or (
        f"{without_a_test} name no test" if without_a_test else None
    )


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name[:70] for name, _ in ROWS])
def test_a_row_is_shown_or_says_why_not(name: str, row: Row) -> None:
    assert fault_of(row) is None


def test_the_page_has_the_tables_of_the_design() -> None:
    assert list(TABLES) == [
        "Modes",
        "Tools: who may offer, who runs",
        "Tools: what becomes of a turn",
        "Endpoints under tool governance",
        "Streams",
        "Callers",
        "Workers",
    ]
    assert all(table[0][-1] == "shown by" and len(table) > 4 for table in TABLES.values())
    assert all(len(row) == len(table[0]) for table in TABLES.values() for row in table)


def test_what_shows_nothing_is_found() -> None:
    assert fault_of(("a row", "not built")) is not None
    assert fault_of(("a row", "some day")) is not None
    assert fault_of(("a row", "`tests/interactions/test_tools.py`")) is not None
    assert fault_of(("a row", "`tests/interactions/test_tools.py::test_it_is_hot`")) is not None
    assert fault_of(("a row", "not built: there is no tea in this house")) is None


def test_every_test_of_a_crossing_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    written = {
        f"{path.relative_to(ROOT)}::{name}"
        for path in (ROOT / "tests" / "interactions").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert sorted(each for each in written if each not in page) == []
