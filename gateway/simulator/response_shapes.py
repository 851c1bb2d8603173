"""The responses request as far as the simulator reads it, and the question that stands in it."""

from typing import Any

import msgspec

from gateway.simulator.answers import Question, Result, Tool
from gateway.simulator.asgi import JSON
from gateway.simulator.chat_shapes import TOKENS_PER_IMAGE, TOKENS_PER_MESSAGE, Part, forced_tool, text_of
from gateway.simulator.tokens import Tokens

CALLS = ("function_call", "custom_tool_call")
RESULTS = ("function_call_output", "custom_tool_call_output")


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item of the input: a message, a call, the result of a call."""

    id: str | None = None
    type: str = "message"
    role: str | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: Any = None

    @property
    def text(self) -> str:
        """What the item says: a message's text, a call's arguments, a call's result."""
        if self.type in RESULTS:
            return _output_text(self.output)
        return text_of(self.content) or self.arguments or self.input or ""


class ResponseRequest(msgspec.Struct, frozen=True):
    """A responses request; most fields only come back in the response."""

    model: str | None = None
    input: str | list[Item] | None = None
    prompt: JSON | None = None
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    instructions: Any = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: str | None = None
    reasoning: JSON | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    temperature: float | None = None
    text: JSON | None = None
    tool_choice: str | JSON | None = None
    tools: list[JSON] | None = None
    top_logprobs: int | None = None
    top_p: float | None = None
    truncation: str | None = None
    user: str | None = None


def items_of(request: ResponseRequest) -> tuple[Item, ...]:
    """The input as items."""
    if isinstance(request.input, str):
        return (Item(role="user", content=request.input),)
    return tuple(request.input or ())


def last_user_text(items: tuple[Item, ...]) -> str:
    """The text of the last user message."""
    return next((item.text for item in reversed(items) if item.role == "user"), "")


def question_of(request: ResponseRequest, items: tuple[Item, ...]) -> Question:
    """What the answer depends on; `items` is the whole conversation."""
    since = _since_last_user(items)
    tools = _tools(request)
    format_ = (request.text or {}).get("format")
    format_ = format_ if isinstance(format_, dict) else {}
    schema = format_.get("schema")
    return Question(
        model=request.model or "",
        rounds=_rounds(since),
        results=_results(since),
        calls_allowed=request.tool_choice != "none",
        parallel=request.parallel_tool_calls is not False,
        forced=forced_tool(request.tool_choice, tools),
        schema=schema if format_.get("type") == "json_schema" and isinstance(schema, dict) else None,
        json_object=format_.get("type") == "json_object",
        max_tokens=request.max_output_tokens,
    )


def custom_names(request: ResponseRequest) -> frozenset[str]:
    """The names of the offered tools that take free text."""
    return frozenset(tool.name for tool in _tools(request) if tool.custom)


def input_tokens(request: ResponseRequest, items: tuple[Item, ...], tokens: Tokens) -> int:
    """The tokens of the conversation, counted as those of a chat."""
    total = TOKENS_PER_MESSAGE
    if isinstance(request.instructions, str):
        total += TOKENS_PER_MESSAGE + 1 + tokens.count(request.instructions)
    for item in items:
        total += TOKENS_PER_MESSAGE + tokens.count(item.role or item.name or "") + tokens.count(item.text)
        if isinstance(item.content, list):
            total += TOKENS_PER_IMAGE * sum(1 for part in item.content if part.type == "input_image")
    if request.tools:
        total += tokens.count(msgspec.json.encode(request.tools).decode())
    return total


def _since_last_user(items: tuple[Item, ...]) -> tuple[Item, ...]:
    last = max((place for place, item in enumerate(items) if item.role == "user"), default=-1)
    return items[last + 1 :]


def _rounds(since: tuple[Item, ...]) -> int:
    # Calls that stand side by side were made in one turn; what a turn said may stand between them.
    kinds = ["result" if item.type in RESULTS else "call" if item.type in CALLS else "" for item in since]
    told = [kind for kind in kinds if kind]
    return sum(1 for place, kind in enumerate(told) if kind == "call" and (place == 0 or told[place - 1] == "result"))


def _results(since: tuple[Item, ...]) -> tuple[Result, ...]:
    last = max((place for place, item in enumerate(since) if item.type in CALLS), default=-1)
    names = {item.call_id: item.name for item in since if item.type in CALLS}
    return tuple(
        Result(names.get(item.call_id) or "?", item.text) for item in since[last + 1 :] if item.type in RESULTS
    )


def _tools(request: ResponseRequest) -> list[Tool]:
    tools = []
    for tool in request.tools or []:
        name, parameters = tool.get("name"), tool.get("parameters")
        if isinstance(name, str) and tool.get("type") in ("function", "custom"):
            tools.append(Tool(name, tool["type"] == "custom", parameters if isinstance(parameters, dict) else None))
    return tools


def _output_text(output: Any) -> str:
    if isinstance(output, str):
        return output
    if isinstance(output, list):
        return "\n".join(str(part["text"]) for part in output if isinstance(part, dict) and "text" in part)
    return msgspec.json.encode(output).decode()
