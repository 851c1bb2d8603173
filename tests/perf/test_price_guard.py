"""The guard passes what costs the same and stops what has become dearer."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from perf.price_guard import Pairs, complaints, main
from perf.servers import REFERENCE
from perf.windows import Window

SLOW = f"{shlex.quote(sys.executable)} -m tests.perf.slow_proxy --port {{port}} --upstream {{upstream}}"
TINY = ["--windows", "2", "--requests", "40", "--streams", "10"]
WINDOW = Window("gateway", "plain", 32, 100, 100, 50.0, 0.0, 1000.0, 1.0, 2.0, 1.0, 2.0, 20.0, 0.0)


def pairs(*ratios: float) -> dict[str, Pairs]:
    gateway = tuple(replace(WINDOW, serving_us=50.0 * ratio) for ratio in ratios)
    return {"plain": Pairs(gateway, (WINDOW,) * len(ratios))}


@pytest.fixture
def price(tmp_path: Path) -> Path:
    return tmp_path / "price.json"


def test_growth_within_the_allowance_passes() -> None:
    assert complaints(pairs(1.14, 1.14, 9.0), {"plain": 1.0}) == []


def test_growth_beyond_the_allowance_is_named_with_what_to_do() -> None:
    (complaint,) = complaints(pairs(1.0, 1.16, 1.16), {"plain": 1.0})
    assert "costs 1.16 reference proxies, 1.00 are committed" in complaint
    assert "ARGS=--write" in complaint


def test_a_question_without_a_price_does_not_pass() -> None:
    assert "no price" in complaints(pairs(1.0), {})[0]


def test_a_slower_gateway_is_stopped(price: Path, capsys: pytest.CaptureFixture[str]) -> None:
    price.write_text(json.dumps({"plain": 1.0, "stream": 1.0}))
    assert main(["--gateway", SLOW, "--price", str(price), *TINY]) == 1
    assert "plain: the gateway costs" in capsys.readouterr().err
    assert json.loads(price.read_text()) == {"plain": 1.0, "stream": 1.0}


def test_a_gateway_below_its_price_passes(price: Path, capsys: pytest.CaptureFixture[str]) -> None:
    price.write_text(json.dumps({"plain": 1000.0, "stream": 1000.0}))
    assert main(["--gateway", REFERENCE, "--price", str(price), *TINY]) == 0
    assert "| plain | 2 |" in capsys.readouterr().out


def test_a_new_price_is_written_when_it_is_asked_for(price: Path) -> None:
    assert main(["--gateway", SLOW, "--price", str(price), "--write", *TINY]) == 0
    written = json.loads(price.read_text())
    assert set(written) == {"plain", "stream"}
    assert all(ratio > 1 for ratio in written.values())


def test_a_gateway_that_does_not_start_has_no_price(price: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = f"{shlex.quote(sys.executable)} -c 'raise SystemExit(\"no such upstream\")'"
    assert main(["--gateway", broken, "--price", str(price), *TINY]) == 1
    assert "no such upstream" in capsys.readouterr().err
