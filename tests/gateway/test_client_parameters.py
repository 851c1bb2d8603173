"""A record tells what a client set, in numbers and words that mean nothing else."""

from typing import Any

import pytest

from gateway.client_parameters import OTHER, Value, client_parameters, request_of


@pytest.mark.parametrize("request_json", [None, [], "text", {}, {"model": "m", "messages": []}, {"temperature": None}])
def test_where_nothing_is_set_there_is_nothing_to_tell(request_json: Any) -> None:
    assert client_parameters(request_json) is None


def test_numbers_and_words_are_told_by_the_paths_that_changes_name() -> None:
    request = {
        "model": "m",
        "temperature": 0.7,
        "n": 2,
        "max_output_tokens": 500,
        "reasoning": {"effort": "high", "summary": "auto"},
        "text": {"verbosity": "low"},
        "stop": ["a secret", "b"],
        "prompt": {"id": "pmpt_1"},
    }
    assert client_parameters(request) == {
        "temperature": 0.7,
        "n": 2,
        "max_output_tokens": 500,
        "reasoning.effort": "high",
        "text.verbosity": "low",
        "stop": 2,
        "prompt": True,
    }


@pytest.mark.parametrize("value", [True, "0.5", 10**400, 1e300, float("nan"), [1], {"x": 1}])
def test_what_is_no_number_that_a_model_takes_is_left_out(value: Any) -> None:
    assert client_parameters({"temperature": value}) is None


def test_a_word_that_no_model_knows_does_not_come_into_the_record() -> None:
    assert client_parameters({"verbosity": "ada@example.com", "reasoning": 5}) == {
        "verbosity": OTHER,
        "reasoning.effort": OTHER,
    }


def test_the_prompt_of_a_completion_is_no_stored_prompt() -> None:
    assert client_parameters({"prompt": "Once upon a time"}) is None
    assert client_parameters({"prompt": ["a", "b"]}) is None


def test_a_request_can_be_made_of_them_that_sets_the_same() -> None:
    said: dict[str, Value] = {
        "temperature": 0.7,
        "max_tokens": 5,
        "reasoning.effort": "high",
        "text.verbosity": "low",
        "stop": 2,
        "prompt": True,
    }
    assert client_parameters(request_of(said)) == said
