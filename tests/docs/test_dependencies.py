"""Each dependency of the project has its line, and no other has one."""

import re
import tomllib

from tests.docs.blocks import ROOT
from tests.docs.tables import tables_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LISTED = {heading: {row[0] for row in rows[1:]} for heading, rows in tables_of(ROOT / "docs" / "dependencies.md")}


def test_what_the_gateway_runs_with_is_listed() -> None:
    assert LISTED["To run"] == {each.partition("==")[0] for each in PROJECT["project"]["dependencies"]}


def test_what_builds_it_is_listed() -> None:
    assert LISTED["To build"] == set(PROJECT["dependency-groups"]["build"])


def test_what_tests_it_is_listed() -> None:
    assert LISTED["To test"] == set(PROJECT["dependency-groups"]["test"])


def test_what_audits_and_fuzzes_it_is_listed() -> None:
    groups = PROJECT["dependency-groups"]
    named = {re.split(r"[=;\s]", each)[0] for each in (*groups["audit"], *groups["fuzz"])}
    assert LISTED["To audit and to fuzz"] == named


def test_what_tests_it_with_agents_is_listed() -> None:
    assert LISTED["To test with agents"] == set(PROJECT["dependency-groups"]["agents"])
