"""No bytes at all break what the parsers promise."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import SEEDS, TARGETS


def spoilt(name: str) -> st.SearchStrategy[bytes]:
    """Gives input that is nearly right: a seed with some of its bytes cut out, doubled or replaced."""
    seeds = st.sampled_from(SEEDS[name])
    cuts = st.tuples(st.integers(0, 200), st.integers(0, 200), st.binary(max_size=12))
    return st.builds(lambda seed, cut: seed[: min(cut[:2])] + cut[2] + seed[max(cut[:2]) :], seeds, cuts) | st.builds(
        lambda seed, cut: seed[: cut[0]] + cut[2] + seed[cut[0] // 2 :], seeds, cuts
    )


@pytest.mark.parametrize("name", TARGETS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_bytes_break_a_promise(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(st.binary(max_size=300) | spoilt(name)))


def test_every_parser_has_input_to_begin_from() -> None:
    assert set(SEEDS) == set(TARGETS)
    for name, seeds in SEEDS.items():
        for seed in seeds:
            TARGETS[name](seed)
