"""Members that are governed are known in any letters."""

import pytest

from gateway.governed_members import GOVERNED, disguised


@pytest.mark.parametrize("name", sorted(GOVERNED))
def test_each_governed_name_is_known_in_capitals_and_passes_as_it_is(name: str) -> None:
    assert disguised({"user": "u", name.upper(): 1}) == name.upper()
    assert disguised({"user": "u", name: 1}) is None


def test_letters_that_only_look_alike_are_others() -> None:
    assert disguised({"t\u043eols": 1, "tools_": 2, "": 3}) is None
