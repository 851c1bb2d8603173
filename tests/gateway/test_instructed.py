"""A text that instructs the model goes where the cached beginning of a conversation stays as it was."""

from typing import Any

import pytest

from gateway import Insert, Set, instructed
from gateway.testing import an_exchange

TURNS = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("path", "body", "changes"),
    [
        (
            "/v1/chat/completions",
            {"messages": TURNS},
            (Insert(("messages",), 1, {"role": "system", "content": "Be short."}),),
        ),
        (
            "/v1/responses",
            {"input": TURNS},
            (Insert(("input",), 1, {"type": "message", "role": "system", "content": "Be short."}),),
        ),
        ("/v1/responses", {"input": "Hi"}, (Set(("instructions",), "Be short."),)),
        ("/v1/completions", {"prompt": "Hi"}, ()),
        ("/v1/embeddings", {"input": "Hi"}, ()),
        ("/v1/chat/completions", {"messages": "none"}, ()),
    ],
)
def test_it_stands_before_the_last_user_turn_or_in_the_instructions(path: str, body: Any, changes: Any) -> None:
    assert instructed(an_exchange(body, path=path), "Be short.", "system") == changes
