"""Compares what a command wrote with what a page says that it writes."""

import re

_ANYTHING = "..."


def fits(expected: str, written: str) -> bool:
    """Whether a text is the expected one; `...` stands for anything, alone on a line for any lines."""
    lines = [line.rstrip() for line in expected.strip("\n").splitlines()]
    pattern = "".join(_pattern(line) for line in lines)
    text = "".join(line.rstrip() + "\n" for line in written.strip("\n").splitlines())
    return re.fullmatch(pattern, text) is not None


def _pattern(line: str) -> str:
    if line == _ANYTHING:
        return r"(?:.*\n)*"
    return ".*".join(re.escape(part) for part in line.split(_ANYTHING)) + r"\n"
