"""What was moved among many lines is what stands outside of the most that are still in order."""

from collections.abc import Mapping, Sequence

import pytest

from storage.runs import moved


@pytest.mark.parametrize(
    ("starts", "follows", "outside"),
    [
        ([], {}, set()),
        # 0 1 8 3 4 5 6 7 2 9: two lines that changed places.
        ([2, 3, 8, 9], {2: 7, 3: 8, 8: 1, 9: 2}, {2, 8}),
        # 0 1 5 6 2 3 4 7 8 9: two lines that came too early.
        ([2, 4, 7], {2: 6, 4: 1, 7: 3}, {2}),
        # 1 2 3 0 4 5 6 7 8 9: the first line stands too late.
        ([3, 4], {0: 3, 4: 2}, {3}),
    ],
    ids=["nothing", "swapped", "too early", "the first"],
)
def test_runs_are_found_by_what_they_were_written_behind(
    starts: Sequence[int], follows: Mapping[int, int], outside: set[int]
) -> None:
    assert moved(starts, 10, follows) == frozenset(outside)


@pytest.mark.parametrize(
    ("starts", "follows"),
    [([4], {}), ([4, 6], {4: 1, 6: 5}), ([4, 6], {4: 3, 6: 3}), ([4], {0: 9, 4: 3})],
    ids=["follows nothing", "follows the middle of a run", "two follow one", "nothing is the first"],
)
def test_where_the_order_is_not_known_nothing_is_said(starts: Sequence[int], follows: Mapping[int, int]) -> None:
    assert moved(starts, 10, follows) is None
