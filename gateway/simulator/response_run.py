"""One response, whole and as the events that stream it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.simulator.answers import Answer
from gateway.simulator.asgi import JSON
from gateway.simulator.built_in import SearchCall
from gateway.simulator.chat import argument_pieces
from gateway.simulator.directives import Call, Search
from gateway.simulator.mint import Mint
from gateway.simulator.pieces import pieces
from gateway.simulator.response_shapes import Item, ResponseRequest, custom_names
from gateway.simulator.tokens import Tokens


class Told(NamedTuple):
    """An event before it is written for SSE or a websocket; `counted` as in `replies.Event`."""

    event: JSON
    counted: bool


class ResponseRun:
    """A response that is known in full; its identifiers stay the same however often it is shown."""

    def __init__(
        self,
        asked: ResponseRequest,
        said: Answer,
        read: int,
        chunks: int | None,
        mint: Mint,
        tokens: Tokens,
        searches: Iterable[Search] = (),
    ) -> None:
        self.name = mint.name("resp_")
        self.asked = asked
        self._chunks = chunks
        self._created = mint.now()
        self._finished = "incomplete" if said.finish == "length" else "completed"
        self._usage = _usage(said, read, tokens)
        custom = custom_names(asked)
        self._parts: list[SearchCall | _Message | _Call] = [SearchCall(mint.name, search) for search in searches]
        if said.text or not said.calls:
            self._parts.append(_Message(mint.name("msg_"), said.text, self._finished))
        for call in said.calls:
            free = call.name in custom
            self._parts.append(_Call(mint.name("ctc_" if free else "fc_"), mint.name("call_"), call, free))

    def whole(self) -> JSON:
        """The response when it has ended."""
        output = [part.item(finished=True) for part in self._parts]
        return self._shape(self._finished, output, self._usage)

    def waiting(self, status: str) -> JSON:
        """The response before it has any output: queued, in_progress, cancelled."""
        return self._shape(status, [], None)

    def items(self) -> tuple[Item, ...]:
        """The output as items of the next request's conversation."""
        return tuple(part.spoken() for part in self._parts)

    def told(self) -> Iterator[Told]:
        """The events in order, numbered."""
        for number, (event, counted) in enumerate(self._unnumbered()):
            yield Told({**event, "sequence_number": number}, counted)

    def _unnumbered(self) -> Iterator[Told]:
        yield Told({"type": "response.created", "response": self.waiting("in_progress")}, False)
        yield Told({"type": "response.in_progress", "response": self.waiting("in_progress")}, False)
        for index, part in enumerate(self._parts):
            place = {"output_index": index}
            yield Told({"type": "response.output_item.added", **place, "item": part.item(finished=False)}, False)
            place_of_item = {**place, "item_id": part.name}
            if isinstance(part, SearchCall):
                yield from (Told(event, False) for event in part.stages(place_of_item))
            else:
                yield from part.told(place_of_item, self._chunks)
            yield Told({"type": "response.output_item.done", **place, "item": part.item(finished=True)}, False)
        yield Told({"type": f"response.{self._finished}", "response": self.whole()}, False)

    def _shape(self, status: str, output: list[JSON], usage: JSON | None) -> JSON:
        asked = self.asked
        return {
            "id": self.name,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "completed_at": self._created if status == "completed" else None,
            "background": asked.background is True,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": asked.max_tool_calls,
            "metadata": asked.metadata or {},
            "model": asked.model,
            "output": output,
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": asked.previous_response_id,
            "prompt_cache_key": asked.prompt_cache_key,
            "reasoning": {"effort": None, "summary": None, **(asked.reasoning or {})},
            "safety_identifier": asked.safety_identifier,
            "service_tier": "default",
            "store": asked.store is not False,
            "temperature": 1.0 if asked.temperature is None else asked.temperature,
            "text": {"format": {"type": "text"}, "verbosity": "medium", **(asked.text or {})},
            "tool_choice": asked.tool_choice or "auto",
            "tools": [_tool(tool) for tool in asked.tools or []],
            "top_logprobs": asked.top_logprobs or 0,
            "top_p": 1.0 if asked.top_p is None else asked.top_p,
            "truncation": asked.truncation or "disabled",
            "usage": usage,
            "user": asked.user,
        }


class _Message:
    """The part of the output that is said."""

    def __init__(self, name: str, text: str, finished: str) -> None:
        self.name = name
        self._text = text
        self._finished = finished

    def item(self, finished: bool) -> JSON:
        return {
            "id": self.name,
            "type": "message",
            "status": self._finished if finished else "in_progress",
            "role": "assistant",
            "content": [_text_part(self._text)] if finished else [],
        }

    def spoken(self) -> Item:
        return Item(id=self.name, role="assistant", content=self._text)

    def told(self, place: JSON, chunks: int | None) -> Iterator[Told]:
        place = {**place, "content_index": 0}
        yield Told({"type": "response.content_part.added", **place, "part": _text_part("")}, False)
        for piece in pieces(self._text, chunks):
            yield Told({"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}, True)
        yield Told({"type": "response.output_text.done", **place, "text": self._text, "logprobs": []}, False)
        yield Told({"type": "response.content_part.done", **place, "part": _text_part(self._text)}, False)


class _Call:
    """A part of the output that calls a tool: with JSON, or with free text if the tool is a custom one."""

    def __init__(self, name: str, call_id: str, call: Call, free: bool) -> None:
        self.name = name
        self._call_id = call_id
        self._call = call
        self._type = "custom_tool_call" if free else "function_call"
        self._field = "input" if free else "arguments"
        self._event = "response.custom_tool_call_input" if free else "response.function_call_arguments"

    def item(self, finished: bool) -> JSON:
        return {
            "id": self.name,
            "type": self._type,
            "status": "completed" if finished else "in_progress",
            "call_id": self._call_id,
            "name": self._call.name,
            self._field: self._call.arguments if finished else "",
        }

    def spoken(self) -> Item:
        return Item(
            id=self.name,
            type=self._type,
            call_id=self._call_id,
            name=self._call.name,
            arguments=self._call.arguments,
        )

    def told(self, place: JSON, chunks: int | None) -> Iterator[Told]:
        for piece in argument_pieces(self._call.arguments, chunks):
            yield Told({"type": f"{self._event}.delta", **place, "delta": piece}, True)
        done = {"type": f"{self._event}.done", **place, self._field: self._call.arguments}
        yield Told({**done, "name": self._call.name} if self._field == "arguments" else done, False)


def _text_part(text: str) -> JSON:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _tool(tool: JSON) -> JSON:
    if tool.get("type") != "function":
        return tool
    return {"description": None, "parameters": None, "strict": True, **tool}


def _usage(said: Answer, read: int, tokens: Tokens) -> JSON:
    written = tokens.count(said.text)
    written += sum(tokens.count(call.name) + tokens.count(call.arguments) for call in said.calls)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }
