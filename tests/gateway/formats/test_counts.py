"""Tests of the usage that replies of all endpoints tell."""

from typing import Any

import pytest

from gateway.answers import Usage
from gateway.formats.counts import usage


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(10, 5, 4, 3),
        ),
        (
            {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(10, 5, 4, 3),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {
                    "audio_tokens": 6,
                    "cached_tokens": 4,
                    "cached_tokens_details": {"audio_tokens": 3},
                },
                "completion_tokens_details": {"audio_tokens": 2, "reasoning_tokens": True},
            },
            Usage(10, 5, 4, audio_input_tokens=6, audio_output_tokens=2, cached_audio_tokens=3),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "input_token_details": {
                    "audio_tokens": 6,
                    "cached_tokens": 4,
                    "cached_tokens_details": {"audio_tokens": 3},
                },
                "output_token_details": {"audio_tokens": 2, "text_tokens": 3},
            },
            Usage(10, 5, 4, audio_input_tokens=6, audio_output_tokens=2, cached_audio_tokens=3),
        ),
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, 0)),
        ({"type": "tokens", "input_tokens": 14, "output_tokens": 45, "input_tokens_details": None}, Usage(14, 45)),
        ({"type": "duration", "seconds": 3}, None),
        ({"prompt_tokens": "10", "completion_tokens": -1}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": 10**400}, None),
        (None, None),
        ([], None),
    ],
)
def test_usage_is_read_in_each_spelling_and_nothing_is_made_up(said: Any, read: Usage | None) -> None:
    assert usage({"usage": said}) == read
