"""The chat request as far as the simulator reads it, and the question that stands in it."""

from typing import Any

import msgspec

from gateway.simulator.answers import Question, Result, Tool
from gateway.simulator.asgi import JSON
from gateway.simulator.tokens import Tokens

# As OpenAI counts a chat: so many for each message, and for the start of the answer.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_IMAGE = 85


class Part(msgspec.Struct, frozen=True):
    """A part of a message's content."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None


class Function(msgspec.Struct, frozen=True):
    """A function that is offered or called."""

    name: str
    arguments: str | None = None
    input: str | None = None
    parameters: JSON | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """A call in the conversation."""

    id: str = ""
    function: Function | None = None
    custom: Function | None = None

    @property
    def called(self) -> Function | None:
        return self.function or self.custom


class ChatMessage(msgspec.Struct, frozen=True):
    """A message of the conversation."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: Function | None = None

    @property
    def text(self) -> str:
        return text_of(self.content)

    @property
    def calls(self) -> bool:
        return bool(self.tool_calls) or self.function_call is not None


class ChatTool(msgspec.Struct, frozen=True):
    """A tool that is offered."""

    type: str = "function"
    function: Function | None = None
    custom: Function | None = None


class JsonSchema(msgspec.Struct, frozen=True):
    """The schema of a structured answer."""

    name: str = ""
    schema: JSON | None = None


class Format(msgspec.Struct, frozen=True):
    """The format that the answer shall have."""

    type: str = "text"
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream shall carry."""

    include_usage: bool | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """A chat request; fields that change nothing here are not named."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: list[ChatTool] | None = None
    tool_choice: str | JSON | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Function] | None = None
    function_call: str | JSON | None = None
    response_format: Format | None = None
    store: bool | None = None
    metadata: Any = None

    @property
    def legacy(self) -> bool:
        """Whether tools are offered in the old way."""
        return bool(self.functions) and not self.tools


def text_of(content: str | list[Part] | None) -> str:
    """The text of a content, its parts on lines of their own."""
    if isinstance(content, list):
        return "\n".join(part.text for part in content if part.text is not None)
    return content or ""


def last_user_text(messages: list[ChatMessage]) -> str:
    """The text of the last user message."""
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def question_of(request: ChatRequest) -> Question:
    """What the answer depends on."""
    since = _since_last_user(request.messages)
    tools = _tools(request)
    choice = request.function_call if request.legacy else request.tool_choice
    format_ = request.response_format or Format()
    limit = request.max_completion_tokens
    return Question(
        model=request.model,
        rounds=sum(1 for message in since if message.calls),
        results=_results(since),
        calls_allowed=choice != "none",
        parallel=request.parallel_tool_calls is not False and not request.legacy,
        forced=forced_tool(choice, tools),
        schema=format_.json_schema.schema if format_.type == "json_schema" and format_.json_schema else None,
        json_object=format_.type == "json_object",
        stop=stops(request.stop),
        max_tokens=request.max_tokens if limit is None else limit,
    )


def forced_tool(choice: str | JSON | None, tools: list[Tool]) -> Tool | None:
    """The tool that `tool_choice` demands: the named one, or the first where any is required."""
    if choice == "required":
        return tools[0] if tools else None
    if not isinstance(choice, dict):
        return None
    named = choice.get("name")
    for kind in ("function", "custom"):
        if isinstance(choice.get(kind), dict):
            named = choice[kind].get("name")
    return next((tool for tool in tools if tool.name == named), None)


def stops(stop: str | list[str] | None) -> tuple[str, ...]:
    """The marks at which the answer ends."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def prompt_tokens(request: ChatRequest, tokens: Tokens) -> int:
    """The tokens of the request, as OpenAI counts a chat; tools are counted as their JSON."""
    total = TOKENS_PER_MESSAGE
    for message in request.messages:
        total += TOKENS_PER_MESSAGE + tokens.count(message.role) + tokens.count(message.text)
        if message.name:
            total += 1 + tokens.count(message.name)
        if message.tool_calls:
            total += sum(_call_tokens(call.called, tokens) for call in message.tool_calls)
        total += _call_tokens(message.function_call, tokens)
        if isinstance(message.content, list):
            total += TOKENS_PER_IMAGE * sum(1 for part in message.content if part.type == "image_url")
    for offered in (request.tools, request.functions):
        if offered:
            total += tokens.count(msgspec.json.encode(offered).decode())
    return total


def _call_tokens(call: Function | None, tokens: Tokens) -> int:
    if call is None:
        return 0
    return tokens.count(call.name) + tokens.count(call.arguments or call.input or "")


def _since_last_user(messages: list[ChatMessage]) -> list[ChatMessage]:
    last = max((place for place, message in enumerate(messages) if message.role == "user"), default=-1)
    return messages[last + 1 :]


def _results(since: list[ChatMessage]) -> tuple[Result, ...]:
    if not since:
        return ()
    last = max((place for place, message in enumerate(since) if message.calls), default=-1)
    names = {call.id: call.called.name for call in since[last].tool_calls or [] if call.called}
    return tuple(
        Result(message.name or names.get(message.tool_call_id or "", "?"), message.text)
        for message in since[last + 1 :]
        if message.role in ("tool", "function")
    )


def _tools(request: ChatRequest) -> list[Tool]:
    if request.legacy:
        return [Tool(function.name, False, function.parameters) for function in request.functions or []]
    tools = []
    for tool in request.tools or []:
        if tool.function is not None:
            tools.append(Tool(tool.function.name, False, tool.function.parameters))
        elif tool.custom is not None:
            tools.append(Tool(tool.custom.name, True, None))
    return tools


def custom_names(request: ChatRequest) -> frozenset[str]:
    """The names of the offered tools that take free text."""
    return frozenset(tool.name for tool in _tools(request) if tool.custom)
