"""Every example of README and of the pages under `docs` is carried out, page by page, as a reader would."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.configuration import load_settings
from gateway.simulator import create_app
from policies.document import read_file
from policies.prices import PricesFile
from policies.tiers import TiersFile
from policies.tools import load_tool_rules
from tests.builders.gateway import running_gateway
from tests.builders.servers import run_server
from tests.docs.blocks import LANGUAGES, ROOT, Block, blocks_of, pages
from tests.docs.story import GATEWAY, SIMULATOR, told

NODE = ROOT / "tests/suites/node/node_modules"
ALL = [block for page in pages() for block in blocks_of(page)]
RUN = [
    page for page in pages() if any(not block.not_run and block.language != "javascript" for block in blocks_of(page))
]
SCRIPTED = [page for page in pages() if any(block.language == "javascript" for block in blocks_of(page))]


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """A gateway and a simulator for the pages that do not start their own."""
    with run_server(create_app()) as simulator, running_gateway(simulator, mode="enforce") as running:
        yield {GATEWAY: running.url, SIMULATOR: simulator}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader stands: a fresh copy of what the pages name by its path."""
    for name in ("deploy", "docs/examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_carried_out_from_its_first_block_to_its_last(
    page: Path, folder: Path, addresses: dict[str, str], reader: dict[str, str]
) -> None:
    with told(folder, addresses, reader) as story:
        for block in blocks_of(page):
            if block.not_run is None and block.language != "javascript":
                story.read(block)
                _check_file(block, folder)


@pytest.mark.full
@pytest.mark.skipif(not NODE.is_dir(), reason="THE JAVASCRIPT OF THE PAGES DID NOT RUN: make setup-node")
@pytest.mark.parametrize("page", SCRIPTED, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_javascript_of_a_page_runs(
    page: Path, folder: Path, addresses: dict[str, str], reader: dict[str, str]
) -> None:
    with told(folder, addresses, reader) as story:
        for block in blocks_of(page):
            if block.not_run is None and block.language == "javascript":
                story.read(block)


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.place)
def test_a_block_says_what_it_is_and_why_it_is_not_run(block: Block) -> None:
    assert block.language in LANGUAGES, f"{block.place}: name the language of the block, one of {LANGUAGES}"
    assert block.not_run is None or len(block.not_run) >= 8, f"{block.place}: say why the block is not run"
    if block.language == "json":
        json.loads(block.text)
    if block.language == "toml":
        tomllib.loads(block.text)


def _check_file(block: Block, folder: Path) -> None:
    """Reads what a page says that an operator writes, as the gateway would."""
    if block.language != "yaml" or (block.file or "").startswith("wrong"):
        return
    assert block.file is not None, f"{block.place}: begin the block with the name of its file, such as # lukhas.yaml"
    if block.file.endswith("tiers.yaml"):
        read_file(folder / block.file, TiersFile)
    elif block.file.endswith("prices.yaml"):
        read_file(folder / block.file, PricesFile)
    elif block.file.endswith("tools.yaml"):
        load_tool_rules((folder / block.file).parent)
    else:
        load_settings(str(folder / block.file), {})
