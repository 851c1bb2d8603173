"""Makes statements and commands out of lines as they are typed."""

import re
from collections.abc import Iterable, Iterator


class Begun:
    """A statement that is being typed, line by line."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, line: str) -> str | None:
        """Takes a line; gives the statement without its semicolon, or the command, that is whole with it."""
        if not self._lines and (not line.strip() or line.startswith(".")):
            return line.strip() or None
        self._lines.append(line)
        text = "\n".join(self._lines)
        if not _ends(text):
            return None
        self._lines.clear()
        return text.rstrip().rstrip(";").rstrip()

    def give_up(self) -> str:
        """Forgets what was begun, and gives it."""
        text = "\n".join(self._lines)
        self._lines.clear()
        return text


def statements(lines: Iterable[str]) -> Iterator[str]:
    """Gives statements without their semicolon, and commands, as soon as each is whole; the last needs none."""
    begun = Begun()
    for line in lines:
        whole = begun.add(line)
        if whole is not None:
            yield whole
    if begun:
        yield begun.give_up()


def _ends(text: str) -> bool:
    """Says whether a statement ends here: with a semicolon that stands neither in a text nor in a remark."""
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*", " ", text)
    return bare.rstrip().endswith(";") and "'" not in bare and '"' not in bare
