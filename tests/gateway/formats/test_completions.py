"""Tests of the format of legacy completions."""

from openai.types import Completion

from gateway.answers import Set
from gateway.formats import completions
from tests.builders.streams import data_of


def chunk(text: str, index: int = 0, finish: str | None = None) -> dict[str, object]:
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    return {"id": "cmpl-1", "object": "text_completion", "created": 7, "model": "m", "choices": [choice]}


def test_the_events_add_up_to_a_completion() -> None:
    events = [chunk("a"), chunk("x", 1), chunk("b"), chunk("", 0, "stop"), chunk("", 1, "length")]
    reply = completions.assembled([*data_of(events), b"[DONE]"])
    Completion.model_validate(reply)
    assert [(choice["text"], choice["finish_reason"]) for choice in reply["choices"]] == [
        ("ab", "stop"),
        ("x", "length"),
    ]


def test_the_text_is_found_with_its_probabilities() -> None:
    choice = {"text": "a", "index": 2, "logprobs": {"tokens": ["a"]}}
    (piece,) = completions.pieces({"choices": [choice]})
    assert (piece.text, piece.choice, piece.along) == ("a", 2, (Set(("choices", 0, "logprobs"), None),))


def test_the_prompt_may_be_one_or_many_and_ids_are_no_text() -> None:
    assert completions.input_text({"prompt": ["a", "b"], "suffix": "c"}) == "a\nb\nc"
    assert completions.input_text({"prompt": [1, 2]}) == ""
