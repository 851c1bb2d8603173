"""Finds the pages of the documentation and the fenced blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "docs" / "reference"
RECORDS = ROOT / "docs" / "decisions"
LANGUAGES = ("python", "console", "bash", "yaml", "json", "toml", "javascript", "text", "mermaid")

_OPENING = re.compile(r"(?P<fence>`{3,})(?P<language>[a-z]*)")
_MARK = re.compile(r"<!--\s*not run:(?P<why>.*?)-->")
_FILE = re.compile(r"(?:#|//) (?P<name>[\w./-]+\.(?:py|mjs|yaml|toml))")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` is that of its first line of text, `not_run` why it is left out."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that this block is, by the comment in its first line."""
        match = _FILE.fullmatch(self.text.partition("\n")[0])
        return match["name"] if match else None


def pages() -> list[Path]:
    """README and the pages that somebody wrote; what is generated or a record of its day is not among them."""
    written = (page for page in (ROOT / "docs").rglob("*.md") if not {GENERATED, RECORDS} & set(page.parents))
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(written)]


def blocks_of(page: Path) -> list[Block]:
    """Gives the blocks of a page in their order."""
    return list(_blocks(page, page.read_text(encoding="utf-8").splitlines()))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    number, mark = 0, None
    while number < len(lines):
        opening = _OPENING.fullmatch(lines[number])
        if opening is None:
            marked = _MARK.fullmatch(lines[number])
            mark = marked["why"].strip() if marked else mark if not lines[number].strip() else None
            number += 1
            continue
        end = lines.index(opening["fence"], number + 1)
        text = "\n".join(lines[number + 1 : end]) + "\n"
        yield Block(page, number + 2, opening["language"], text, mark)
        number, mark = end + 1, None
