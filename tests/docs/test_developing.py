"""The page for developers names the make targets, markers and tests that there are."""

import re
import tomllib

from tests.docs.blocks import ROOT
from tests.docs.references import missing
from tests.docs.tables import table

PAGE = ROOT / "docs" / "developing.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_target_of_the_makefile_is_named_and_no_other() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    rows = " ".join(row[0] for row in table(PAGE, "command"))

    assert set(re.findall(r"make ([a-z-]+)", rows)) == targets - {"help"}


def test_every_marker_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = {marker.partition(":")[0] for marker in project["tool"]["pytest"]["ini_options"]["markers"]}

    assert {row[0].strip("`") for row in table(PAGE, "marker")} == markers


def test_the_tests_that_it_shows_can_be_run() -> None:
    shown = re.findall(r"pytest (tests/\S+)", TEXT)

    assert shown
    assert [each for each in shown if missing(each)] == []
