"""Reads what became of the tests of a run, and compares two runs of the same tests."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

Kind = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test; `message` is the failure's, or the reason of a skip."""

    kind: Kind
    message: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Where a run through the gateway differs from the direct one. Each entry is a sentence."""

    lost: tuple[str, ...]
    changed: tuple[str, ...]
    gained: tuple[str, ...]


def read_outcomes(report: Path) -> dict[str, Outcome]:
    """Reads a JUnit report of pytest, by class and name of the test."""
    cases = ElementTree.parse(report).iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def compare(direct: Mapping[str, Outcome], through: Mapping[str, Outcome]) -> Comparison:
    """Compares two runs. `changed` are tests that fail in both, for another reason: an error was not passed on."""
    lost, changed, gained = [], [], []
    for test in sorted(direct.keys() | through.keys()):
        before, after = (
            direct.get(test, Outcome("skipped", "not run")),
            through.get(test, Outcome("skipped", "not run")),
        )
        sentence = f"{test}: {before.kind} directly ({before.message}), {after.kind} through ({after.message})"
        if before.kind == "passed" and after.kind != "passed":
            lost.append(sentence)
        elif before.kind != "passed" and after.kind == "passed":
            gained.append(sentence)
        elif _comparable(before) != _comparable(after):
            changed.append(sentence)
    return Comparison(tuple(lost), tuple(changed), tuple(gained))


def counts(outcomes: Iterable[Outcome]) -> str:
    """Says how many tests passed, failed and were skipped."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    return f"{kinds['passed']} passed, {kinds['failed']} failed, {kinds['skipped']} skipped"


# Where an object or a server lives differs from run to run.
_ADDRESS = re.compile(r"0x[0-9a-f]+|127\.0\.0\.1:\d+(/v1)?")


def _comparable(outcome: Outcome) -> Outcome:
    return Outcome(outcome.kind, _ADDRESS.sub("", outcome.message))


def _outcome(case: ElementTree.Element) -> Outcome:
    for found in case:
        if found.tag in ("failure", "error"):
            return Outcome("failed", found.get("message", ""))
        if found.tag == "skipped":
            return Outcome("skipped", found.get("message", ""))
    return Outcome("passed")
