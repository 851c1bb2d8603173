"""The model in the query."""

import pytest

from gateway.websocket.query import models_in, with_model


@pytest.mark.parametrize(
    ("target", "models"),
    [
        (b"/v1/realtime", []),
        (b"/v1/realtime?model=gpt-realtime", ["gpt-realtime"]),
        (b"/v1/realtime?a=1&model=org%2Fmodel+x&b", ["org/model x"]),
        (b"/v1/realtime?model=a&%6dodel=b", ["a", "b"]),
        (b"/v1/realtime?models=a", []),
    ],
)
def test_every_spelling_of_the_model_is_read(target, models):
    assert models_in(target) == models


def test_another_model_takes_its_place_and_all_else_stays():
    assert with_model(b"/v1/realtime?a=%2f&model=b&include[]=", "c/d") == b"/v1/realtime?a=%2f&model=c%2Fd&include[]="


def test_a_target_without_a_model_stays():
    assert with_model(b"/v1/responses", "m") == b"/v1/responses"
