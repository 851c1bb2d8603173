"""Each threat names the tests that hold what stands against it, and all six kinds have some."""

import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.references import missing
from tests.docs.tables import Row, tables_of

TABLES = list(tables_of(ROOT / "docs" / "threat_model.md"))
STRIDE = (
    "Spoofing",
    "Tampering",
    "Repudiation",
    "Information disclosure",
    "Denial of service",
    "Elevation of privilege",
)


def test_every_kind_of_threat_is_thought_of() -> None:
    assert [heading.partition(":")[0] for heading, _ in TABLES] == list(STRIDE)
    assert all(len(rows) > 3 for _, rows in TABLES)


@pytest.mark.parametrize("row", [row for _, rows in TABLES for row in rows[1:]], ids=lambda row: row[0][:60])
def test_a_threat_names_tests_that_exist(row: Row) -> None:
    named = re.findall(r"`(tests/[^`]+)`", row[-1])
    assert named
    assert [fault for each in named if (fault := missing(each))] == []
