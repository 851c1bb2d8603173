"""The mode of a request: that of the key, of the model, of everything else."""

from plugins.modulation.modes import MOST_REMEMBERED, Modes


def test_the_first_pattern_that_fits_says_the_mode_of_a_model() -> None:
    modes = Modes({"gpt-4o-mini": "off", "gpt-4*": "enforce"}, "shadow")
    assert [modes.of(None, model) for model in ("gpt-4o-mini", "gpt-4o", "o3", None)] == [
        "off",
        "enforce",
        "shadow",
        "shadow",
    ]


def test_the_mode_of_a_key_goes_before_that_of_the_model() -> None:
    assert Modes({"*": "enforce"}, "enforce").of("off", "gpt-4o") == "off"


def test_names_of_strangers_do_not_fill_the_memory() -> None:
    modes = Modes({"gpt-4*": "enforce"}, "shadow")
    assert {modes.of(None, f"made-up-{number}") for number in range(3 * MOST_REMEMBERED)} == {"shadow"}
    assert len(modes._found) <= MOST_REMEMBERED
    assert modes.of(None, "gpt-4o") == "enforce"
