"""The tokens of the steps of a loop, added up."""

from gateway.answers import Usage
from gateway.tools.spent import summed, tokens_of


def test_each_count_is_added_and_an_estimate_makes_the_sum_one() -> None:
    one, other = Usage(5, 2, cached_tokens=1, reasoning_tokens=1), Usage(7, 3, cached_tokens=2, estimated=True)
    assert summed(one, other) == Usage(12, 5, cached_tokens=3, reasoning_tokens=1, estimated=True)


def test_what_was_not_counted_adds_nothing() -> None:
    assert summed(None, Usage(1, 2)) == summed(Usage(1, 2), None) == Usage(1, 2)
    assert summed(None, None) is None
    assert (tokens_of(None), tokens_of(Usage(1, 2))) == (0, 3)
