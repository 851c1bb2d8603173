"""The references are those that the code makes now."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.commands import lukhas
from gateway.commands.docs import FOLDER, pages
from tests.builders.served import lukhas as run
from tests.docs.blocks import ROOT

WRITTEN = sorted(path.name for path in (ROOT / FOLDER).iterdir())


@pytest.fixture(scope="module")
def made() -> Mapping[str, str]:
    """The pages that the code makes now."""
    return pages(lukhas)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_page_is_up_to_date(name: str, made: Mapping[str, str]) -> None:
    written = (ROOT / FOLDER / name).read_text(encoding="utf-8")
    assert written == made.get(name), "run `lukhas docs`"


def test_every_page_stands_among_them(made: Mapping[str, str]) -> None:
    assert sorted(made) == WRITTEN


def test_a_page_that_is_out_of_date_is_found(tmp_path: Path) -> None:
    assert run("docs", "--folder", "pages", cwd=tmp_path).returncode == 0
    assert run("docs", "--folder", "pages", "--check", cwd=tmp_path).returncode == 0
    with (tmp_path / "pages" / "hooks.md").open("a") as page:
        page.write("By hand.\n")
    done = run("docs", "--folder", "pages", "--check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "Out of date: pages/hooks.md. Run `lukhas docs`.\n")
