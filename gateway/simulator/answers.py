"""Decides what the simulated model says: the one rule behind chat, responses and completions."""

from itertools import cycle, islice
from typing import Literal

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.directives import Call, Directives, Turn
from gateway.simulator.pieces import stretched
from gateway.simulator.schema import smallest_instance
from gateway.simulator.tokens import Tokens

# Each is one token, with and without a space before it: `!long N` costs N tokens.
COUNTING = ("one", "two", "three", "four", "five", "six", "seven", "eight")
ECHOED_CHARACTERS = 4000


class Result(msgspec.Struct, frozen=True):
    """What a tool gave back."""

    name: str
    content: str


class Tool(msgspec.Struct, frozen=True):
    """A tool that the request offers."""

    name: str
    custom: bool
    parameters: JSON | None


class Question(msgspec.Struct, frozen=True):
    """What the answer depends on, whichever endpoint was asked.

    `rounds` counts the turns with tool calls since the last user message; `results` are those of the
    last one. `forced` is the tool that `tool_choice` demands.
    """

    model: str
    rounds: int = 0
    results: tuple[Result, ...] = ()
    calls_allowed: bool = True
    parallel: bool = True
    forced: Tool | None = None
    schema: JSON | None = None
    json_object: bool = False
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None


class Answer(msgspec.Struct, frozen=True):
    """What is said and called, and why it ended."""

    text: str
    calls: tuple[Call, ...]
    finish: Literal["stop", "length", "tool_calls"]


def answer(question: Question, directives: Directives, tokens: Tokens) -> Answer:
    """The answer to a question: tool calls while there are any to make, then text."""
    turn = _next_turn(question, directives)
    if turn is not None:
        return Answer(turn.say, turn.calls, "tool_calls")
    text = _text(question, directives)
    for mark in question.stop:
        if mark:
            text = text.partition(mark)[0]
    if question.max_tokens is not None and tokens.count(text) > question.max_tokens:
        return Answer(tokens.first(text, question.max_tokens), (), "length")
    return Answer(text, (), "stop")


def _next_turn(question: Question, directives: Directives) -> Turn | None:
    if not question.calls_allowed:
        return None
    turns = directives.turns
    if not question.parallel:
        turns = tuple(
            Turn(turn.say if place == 0 else "", (call,)) for turn in turns for place, call in enumerate(turn.calls)
        )
    if question.rounds < len(turns):
        return turns[question.rounds]
    if question.forced is not None and question.rounds == 0:
        return Turn("", (_forced_call(question.forced),))
    return None


def _forced_call(tool: Tool) -> Call:
    if tool.custom:
        return Call(tool.name, "simulated")
    arguments = smallest_instance(tool.parameters or {"type": "object"})
    return Call(tool.name, msgspec.json.encode(arguments).decode())


def _text(question: Question, directives: Directives) -> str:
    parts = []
    if directives.say is not None:
        parts.append(directives.say)
    if directives.long is not None:
        parts.append(" ".join(islice(cycle(COUNTING), directives.long)))
    parts.extend(f"The tool {result.name} answered: {result.content}" for result in question.results)
    if parts:
        return "\n".join(parts)
    if question.schema is not None:
        return msgspec.json.encode(smallest_instance(question.schema)).decode()
    paragraph = stretched(_paragraph(question.model, directives.question), directives.chunks)
    if question.json_object:
        return msgspec.json.encode({"answer": paragraph}).decode()
    return paragraph


def _paragraph(model: str, question: str) -> str:
    echoed = question[:ECHOED_CHARACTERS]
    return (
        f"This is a simulated answer in the name of {model}; no model was asked. "
        f"It is always the same for the same question. You wrote: {echoed}"
    )
