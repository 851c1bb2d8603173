"""The table says what a model takes; efforts become the words that it knows."""

import pytest

from policies.modulation import load_modulation
from policies.modulation.models import MOST_REMEMBERED, Models, effort_word, nearest

MODELS = load_modulation(None).models


@pytest.mark.parametrize(
    ("model", "temperature", "reasoning", "efforts", "verbosity", "limit", "role"),
    [
        ("gpt-4o-mini", True, False, False, False, "max_completion_tokens", "developer"),
        ("gpt-4.1-2025-04-14", True, False, False, False, "max_completion_tokens", "developer"),
        ("ft:gpt-4o-mini-2024-07-18:acme::id", True, False, False, False, "max_completion_tokens", "developer"),
        ("gpt-4-turbo", True, False, False, False, "max_tokens", "system"),
        ("gpt-4", True, False, False, False, "max_tokens", "system"),
        ("gpt-3.5-turbo", True, False, False, False, "max_tokens", "system"),
        ("gpt-3.5-turbo-instruct", True, False, False, False, "max_tokens", "none"),
        ("o1", False, True, True, False, "max_completion_tokens", "developer"),
        ("o3-mini-2025-01-31", False, True, True, False, "max_completion_tokens", "developer"),
        ("o1-mini", False, True, False, False, "max_completion_tokens", "none"),
        ("gpt-5", False, True, True, True, "max_completion_tokens", "developer"),
        ("gpt-5-2025-08-07", False, True, True, True, "max_completion_tokens", "developer"),
        ("gpt-5.1", False, True, True, True, "max_completion_tokens", "developer"),
        ("gpt-5.1-chat-latest", False, True, False, False, "max_completion_tokens", "developer"),
        ("gpt-5-pro", False, True, False, False, "max_completion_tokens", "developer"),
        ("o3-deep-research", False, True, False, False, "max_completion_tokens", "developer"),
        ("gpt-5-codex", False, True, True, False, "max_completion_tokens", "developer"),
        ("gpt-4o-audio-preview", False, False, False, False, "max_completion_tokens", "none"),
        ("gpt-4o-search-preview", False, False, False, False, "max_completion_tokens", "none"),
    ],
)
def test_the_shipped_table_knows_the_families(
    model: str, temperature: bool, reasoning: bool, efforts: bool, verbosity: bool, limit: str, role: str
) -> None:
    rule = MODELS.rule(model)
    assert rule is not None
    found = (rule.temperature, rule.reasoning, bool(rule.efforts), bool(rule.verbosities), rule.limit, rule.preamble)
    assert found == (temperature, reasoning, efforts, verbosity, limit, role)
    assert rule.top_p is rule.temperature


@pytest.mark.parametrize("model", [None, "", "llama-4", "my-gpt-4o", "gpt", "GPT-4o"])
def test_a_model_that_fits_no_pattern_has_no_rule(model: str | None) -> None:
    assert MODELS.rule(model) is None


def test_names_of_strangers_do_not_fill_the_memory() -> None:
    models = Models(load_modulation(None).file.models)
    for number in range(3 * MOST_REMEMBERED):
        models.rule(f"gpt-4o-{number}")
    assert len(models._found) <= MOST_REMEMBERED


@pytest.mark.parametrize(
    ("effort", "word"),
    [(0, "minimal"), (0.19, "minimal"), (0.2, "low"), (0.4, "medium"), (0.74, "medium"), (0.75, "high"), (1, "high")],
)
def test_an_effort_becomes_a_word(effort: float, word: str) -> None:
    assert effort_word(effort, ("minimal", "low", "medium", "high")) == word


def test_a_word_that_a_model_does_not_know_becomes_the_nearest_and_of_two_the_lower() -> None:
    assert effort_word(0.1, ("low", "medium", "high")) == "low"
    assert effort_word(0.5, ("low", "high")) == "low"
    assert effort_word(0.9, ()) is None
    assert nearest("low", ("low",)) == "low"
