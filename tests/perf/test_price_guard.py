"""The guard passes what costs the same and stops what has become dearer."""

import json
import shlex
import sys
from pathlib import Path

import msgspec
import pytest

from perf.counting import Count, can_count
from perf.price_guard import Price, complaints, main, priced
from perf.servers import REFERENCE

SLOW = f"{shlex.quote(sys.executable)} -m tests.perf.slow_proxy --port {{port}} --upstream {{upstream}}"
TINY = ["--windows", "1", "--requests", "12", "--streams", "4"]
no_valgrind = pytest.mark.skipif(not can_count(), reason="valgrind is not installed; .ci/run installs it")


@pytest.fixture
def price(tmp_path: Path) -> Path:
    return tmp_path / "price.json"


def committed(path: Path, cost: float) -> None:
    path.write_text(json.dumps({name: {"instructions": cost, "calls": cost} for name in ("plain", "stream")}))


def test_a_price_is_what_the_gateway_takes_in_reference_proxies() -> None:
    assert priced(Count(300.0, 9.0), Count(100.0, 6.0)) == Price(3.0, 1.5)


def test_growth_within_the_allowance_passes() -> None:
    assert list(complaints({"plain": Price(1.14, 1.14)}, {"plain": Price(1.0, 1.0)})) == []


@pytest.mark.parametrize("what", ["instructions", "calls"])
def test_growth_beyond_the_allowance_is_named_with_what_to_do(what: str) -> None:
    now = Price(**{"instructions": 1.0, "calls": 1.0, what: 1.16})
    (complaint,) = complaints({"plain": now}, {"plain": Price(1.0, 1.0)})
    assert f"costs 1.16 reference proxies in {what}, 1.00 are committed" in complaint
    assert "ARGS=--write" in complaint


def test_a_question_without_a_price_does_not_pass() -> None:
    (complaint,) = complaints({"plain": Price(1.0, 1.0)}, {})
    assert "no price" in complaint


@pytest.mark.full
@no_valgrind
def test_a_slower_gateway_is_stopped(price: Path, capsys: pytest.CaptureFixture[str]) -> None:
    committed(price, 1.0)
    before = price.read_bytes()
    assert main(["--gateway", SLOW, "--price", str(price), *TINY]) == 1
    assert "plain: the gateway costs" in capsys.readouterr().err
    assert price.read_bytes() == before


@pytest.mark.full
@no_valgrind
def test_the_same_server_costs_the_same_on_any_machine_and_that_is_written_when_it_is_asked_for(
    price: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--gateway", REFERENCE, "--price", str(price), "--write", *TINY]) == 0
    assert "| plain | instructions |" in capsys.readouterr().out
    written = msgspec.json.decode(price.read_bytes(), type=dict[str, Price])
    assert set(written) == {"plain", "stream"}
    assert list(complaints(written, dict.fromkeys(written, Price(1.0, 1.0)))) == []


@no_valgrind
def test_a_gateway_that_does_not_start_has_no_price(price: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = f"{shlex.quote(sys.executable)} -c 'raise SystemExit(\"no such upstream\")'"
    assert main(["--gateway", broken, "--price", str(price), *TINY]) == 1
    assert "no such upstream" in capsys.readouterr().err
