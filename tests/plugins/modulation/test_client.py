"""What a client set is read off the fields of its endpoint."""

from typing import Any

import pytest

from plugins.modulation.client import client_of


@pytest.mark.parametrize(
    ("endpoint", "body", "limit"),
    [
        ("chat.completions", {"max_tokens": 5, "max_completion_tokens": 9}, 9),
        ("chat.completions", {"max_tokens": True}, True),
        ("chat.completions", {"max_tokens": "4000", "max_completion_tokens": 9}, "4000"),
        ("completions", {"max_tokens": "4000"}, "4000"),
        ("completions", {"max_tokens": 5}, 5),
        ("responses", {"max_output_tokens": 5.0}, 5.0),
        ("responses", {"max_tokens": 5}, None),
    ],
)
def test_the_limit_is_that_of_the_endpoint(endpoint: str, body: dict[str, Any], limit: Any) -> None:
    assert client_of(endpoint, body).set["max_output_tokens"] == limit


def test_a_completion_without_a_limit_takes_none() -> None:
    assert "max_output_tokens" not in client_of("completions", {}).takes
    assert "max_output_tokens" in client_of("completions", {"max_tokens": 5}).takes


def test_a_stored_prompt_hides_what_it_sets() -> None:
    assert client_of("responses", {"prompt": {"id": "p"}, "input": "Hi"}).unseen
    assert "preamble" not in client_of("responses", {"prompt": {"id": "p"}}).takes
    assert "preamble" in client_of("responses", {"prompt": {"id": "p"}, "input": []}).takes


def test_effort_and_verbosity_of_a_response_are_members_of_members() -> None:
    given = client_of("responses", {"reasoning": {"effort": "low"}, "text": "no object"}).set
    assert (given["reasoning_effort"], given["verbosity"]) == ("low", "no object")
