"""Tries a property with some cases in every run, and with ten thousand in `make nightly`."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

NIGHTLY_CASES = 10_000
NIGHTLY_SECONDS = 3600


def cases(in_every_run: int) -> pytest.MarkDecorator:
    """Gives the mark for a test that takes `cases`, the number that `holds` is to try."""
    nightly = (pytest.mark.nightly, pytest.mark.timeout(NIGHTLY_SECONDS))
    return pytest.mark.parametrize("cases", [in_every_run, pytest.param(NIGHTLY_CASES, marks=nightly)])


def holds(claim: Callable[..., None], cases: int, *given_values: SearchStrategy[Any]) -> None:
    """Fails where a claim does not hold for some of the values."""
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    tried = settings(max_examples=cases, deadline=None, suppress_health_check=slow)(given(*given_values)(claim))
    tried()
