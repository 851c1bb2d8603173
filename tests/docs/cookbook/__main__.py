"""Writes the answers into `docs/sql.md`: `python -m tests.docs.cookbook`."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.cookbook.page import PAGE, answered, kitchen

with TemporaryDirectory(prefix="cookbook-") as folder, kitchen(Path(folder)) as source:
    PAGE.write_text(answered(PAGE.read_text(encoding="utf-8"), source), encoding="utf-8")
