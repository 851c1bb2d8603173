"""Every link of a page leads somewhere, and every page can be reached from the README."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import GENERATED, ROOT, pages

LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<words>.*)$", re.MULTILINE)


def links_of(page: Path) -> list[str]:
    """Gives where the links of a page lead, but for those to other places than the repository."""
    return [link["to"] for link in LINK.finditer(page.read_text(encoding="utf-8")) if "://" not in link["to"]]


def anchors_of(page: Path) -> set[str]:
    words = (heading["words"].lower() for heading in HEADING.finditer(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", each).replace(" ", "-") for each in words}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors_of(to), f"{link} names no heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links_of(page)]

    assert {*pages(), *GENERATED.glob("*.md")} <= reached
