"""An answer of a model is read as it was asked for, or refused."""

from typing import Any

import msgspec
import pytest

from plugins.model_signals.questions import (
    ASKED_FOR,
    AnswerError,
    chat_answer,
    chat_question,
    moderation_answer,
    moderation_question,
)


def a_chat(content: Any) -> dict[str, Any]:
    return {
        "choices": [
            {"message": {"content": content if isinstance(content, str) else msgspec.json.encode(content).decode()}}
        ]
    }


def test_the_highest_score_of_a_moderation_is_the_risk() -> None:
    answer = {"results": [{"category_scores": {"hate": 0.2, "violence": 0.95}}, {"category_scores": {"sexual": 0.3}}]}
    assert moderation_answer("omni", answer) == (
        {"alignment_risk": 0.95},
        {"alignment_risk": "omni scores violence at 0.95"},
    )


def test_the_levels_of_a_chat_are_read_and_others_left_out() -> None:
    levels = {"alignment_risk": 0.0, "stress": 0.25, "ambiguity": 1, "urgency": 0.5, "trust": 1.0}
    read = chat_answer("m", a_chat(levels))
    assert read.levels == {"alignment_risk": 0.0, "stress": 0.25, "ambiguity": 1.0, "urgency": 0.5}
    assert read.because == {"stress": "m says 0.25", "ambiguity": "m says 1", "urgency": "m says 0.5"}


@pytest.mark.parametrize(
    "answer", [{}, [], None, {"results": []}, {"results": [{"category_scores": {"x": 2}}]}, {"results": [{"x": 1}]}]
)
def test_what_is_no_moderation_is_refused(answer: Any) -> None:
    with pytest.raises(AnswerError):
        moderation_answer("m", answer)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": []},
        a_chat("I cannot grade this."),
        {"choices": [{"message": {"content": "\ud800"}}]},
        a_chat({"alignment_risk": 0.5}),
        a_chat(dict.fromkeys(ASKED_FOR, 1.5)),
        a_chat(dict.fromkeys(ASKED_FOR, "high")),
        {"choices": [{"message": {"content": None}}]},
    ],
)
def test_what_is_no_grading_is_refused(answer: Any) -> None:
    with pytest.raises(AnswerError):
        chat_answer("m", answer)


def test_the_text_is_data_in_both_questions() -> None:
    assert moderation_question("m", "Hi") == {"model": "m", "input": "Hi"}
    question = chat_question("m", "Hi")
    assert question["messages"][-1] == {"role": "user", "content": "Hi"}
    assert question["response_format"]["json_schema"]["schema"]["required"] == list(ASKED_FOR)
