"""Finds what a page names: tests, files, commands."""

import re

from tests.docs.blocks import ROOT


def missing(reference: str) -> str | None:
    """Says what is not there of a reference such as `tests/test_a.py::test_b`; None where all is."""
    path, _, name = reference.partition("::")
    if "*" in path:
        return None if any(ROOT.glob(path)) else f"no file is {path}"
    file = ROOT / path
    if not file.exists():
        return f"{path} is not there"
    if not name:
        return None
    text = file.read_text(encoding="utf-8")
    is_there = re.search(rf"^(?:    )?(?:async )?def {re.escape(name)}\(", text, re.MULTILINE)
    return None if is_there else f"{path} has no test {name}"
