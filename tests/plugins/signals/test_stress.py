"""Stress: of the person who writes, and of the system that is to answer."""

import pytest

from plugins.signals.load import FADES_IN_NS, Load
from plugins.signals.stress import strain, stress


def a_load(count: int, **shares: int) -> Load:
    load = Load()
    for number in range(count):
        failed, retried, slow, waited = (
            number < shares.get(name, 0) for name in ("failed", "retried", "slow", "waited")
        )
        load = load.after(failed, retried, slow, waited, 0)
    return load


@pytest.mark.parametrize(
    "text", ["This is STILL not right", "It does NOT work.", "WHERE IS MY PARCEL", "please answer NOW"]
)
def test_capitals_shout(text: str) -> None:
    assert "capitals" in stress(text, (), 0.0, Load(), 0).because


@pytest.mark.parametrize(
    "text", ["SELECT a FROM b WHERE c IS NOT NULL", "OK", "The CPU and the GPU", "", "Set DEBUG to NO", "NATO", "CORS"]
)
def test_names_and_code_do_not(text: str) -> None:
    assert stress(text, (), 0.0, Load(), 0).level == 0.0


@pytest.mark.parametrize("name", ["failed", "retried", "slow", "waited"])
def test_a_system_in_trouble_strains_and_says_why(name: str) -> None:
    calm, bad, worse = (strain(a_load(40, **{name: count}), 0) for count in (0, 10, 20))
    assert calm.level == 0.0 < bad.level < worse.level <= 1.0
    assert "lately" in worse.because


def test_of_few_exchanges_nothing_is_said() -> None:
    assert strain(a_load(4, failed=4), 0).level == 0.0


def test_trouble_fades_with_time() -> None:
    load = a_load(40, failed=40)
    assert strain(load, FADES_IN_NS).level == 1.0
    assert strain(load, 10 * FADES_IN_NS).level == 0.0


def test_person_and_system_add_up() -> None:
    both = stress("WHERE IS MY PARCEL", (), 0.0, a_load(40, failed=10), 0)
    assert both.level > strain(a_load(40, failed=10), 0).level
    assert "capitals" in both.because and "errors" in both.because
