"""The page of the faults lists those that are tried, each with what comes of it, and names tests that exist."""

import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.references import missing
from tests.docs.tables import Row, table, tables_of
from tests.faults.upstream_faults import FAULTS

PAGE = ROOT / "docs" / "faults.md"


def test_the_faults_of_the_page_are_those_that_are_tried() -> None:
    tried = [
        (fault.name, fault.sees, f"`{fault.outcome}`" + (f", `{fault.error}`" if fault.error else ""))
        for fault in FAULTS
    ]
    assert [row[:3] for row in table(PAGE, "fault")] == tried


@pytest.mark.parametrize("row", [row for _, rows in tables_of(PAGE) for row in rows[1:]], ids=lambda row: row[0][:60])
def test_each_fault_names_a_test_that_exists(row: Row) -> None:
    named = re.findall(r"`(tests/[^`]+)`", row[-1])
    assert named
    assert [fault for each in named if (fault := missing(each))] == []
