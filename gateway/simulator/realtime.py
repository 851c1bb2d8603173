"""A `/v1/realtime` session: items are taken, and `response.create` answers the last user item."""

from collections.abc import Iterator
from typing import Any

from gateway.simulator.answers import Answer, Question, Result, answer
from gateway.simulator.asgi import JSON
from gateway.simulator.chat import argument_pieces
from gateway.simulator.directives import Directives, read_directives
from gateway.simulator.mint import Mint
from gateway.simulator.pieces import pieces
from gateway.simulator.response_run import Told
from gateway.simulator.sessions import Heard, uncounted
from gateway.simulator.tokens import Tokens

KEPT_ITEMS = 200


class RealtimeSession:
    """One websocket's realtime conversation."""

    def __init__(self, model: str, mint: Mint, tokens: Tokens) -> None:
        self._mint = mint
        self._tokens = tokens
        self._model = model
        self._session: JSON = {
            "type": "realtime",
            "object": "realtime.session",
            "id": mint.name("sess_"),
            "model": model,
            "output_modalities": ["text"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
        }
        self._conversation = mint.name("conv_")
        self._items: list[JSON] = []

    def opening(self) -> Iterator[JSON]:
        """`session.created`, naming the model."""
        yield self._event("session.created", session=self._session)

    def hear(self, event: JSON) -> Heard | None:
        """What the event brings about; None for one that is only sent back. Raises ApiError."""
        kind = event["type"]
        if kind == "session.update":
            changes = event.get("session")
            self._session = {**self._session, **(changes if isinstance(changes, dict) else {})}
            return Heard(uncounted(self._event("session.updated", session=self._session)))
        if kind == "conversation.item.create":
            return Heard(uncounted(*self._take(event.get("item"))))
        if kind == "input_audio_buffer.append":
            return Heard(uncounted())
        if kind == "input_audio_buffer.clear":
            return Heard(uncounted(self._event("input_audio_buffer.cleared")))
        if kind == "input_audio_buffer.commit":
            item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
            committed = self._event("input_audio_buffer.committed", item_id=self._mint.name("item_"))
            return Heard(uncounted(committed, *self._take({**item, "id": committed["item_id"]})))
        if kind == "response.create":
            return self._respond()
        return None

    def _take(self, given: Any) -> list[JSON]:
        item: JSON = {"id": self._mint.name("item_"), "object": "realtime.item", "status": "completed"}
        item |= given if isinstance(given, dict) else {}
        before = self._items[-1]["id"] if self._items else None
        self._items.append(item)
        del self._items[:-KEPT_ITEMS]
        return [
            self._event(f"conversation.item.{what}", previous_item_id=before, item=item) for what in ("added", "done")
        ]

    def _respond(self) -> Heard:
        directives = read_directives(_last_user_text(self._items))
        directives.raise_asked_error()
        since = self._since_last_user()
        question = Question(
            model=self._model,
            rounds=sum(1 for item in since if item.get("type") == "function_call_output"),
            results=tuple(
                Result(self._called(item.get("call_id")), str(item.get("output", "")))
                for item in since[-1:]
                if item.get("type") == "function_call_output"
            ),
            # One call a turn: a realtime client answers them one by one.
            parallel=False,
        )
        said = answer(question, directives, self._tokens)
        return Heard(self._told(said, directives), directives.pacing)

    def _told(self, said: Answer, directives: Directives) -> Iterator[Told]:
        response: JSON = {"id": self._mint.name("resp_"), "object": "realtime.response"}
        response |= {"conversation_id": self._conversation, "output_modalities": ["text"], "max_output_tokens": "inf"}
        started = {**response, "status": "in_progress", "status_details": None, "output": [], "usage": None}
        yield Told(self._event("response.created", response=started), False)
        items = self._output(said)
        for place, item in enumerate(items):
            at = {"response_id": response["id"], "output_index": place}
            opened = {**item, "status": "in_progress", **_emptied(item)}
            yield Told(self._event("response.output_item.added", **at, item=opened), False)
            self._items.append(item)
            yield Told(self._event("conversation.item.added", item=opened, previous_item_id=None), False)
            yield from self._item_told(item, {**at, "item_id": item["id"]}, directives.chunks)
            yield Told(self._event("response.output_item.done", **at, item=item), False)
            yield Told(self._event("conversation.item.done", item=item, previous_item_id=None), False)
        read = sum(self._tokens.count(_text(item)) for item in self._items)
        written = self._tokens.count(said.text) + sum(self._tokens.count(call.arguments) for call in said.calls)
        usage = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
        done = {**response, "status": "completed", "status_details": None, "output": items, "usage": usage}
        yield Told(self._event("response.done", response=done), False)

    def _output(self, said: Answer) -> list[JSON]:
        whole = {"object": "realtime.item", "status": "completed"}
        items: list[JSON] = []
        if said.text or not said.calls:
            content = [{"type": "output_text", "text": said.text}]
            name = self._mint.name("item_")
            items.append({"id": name, **whole, "type": "message", "role": "assistant", "content": content})
        for call in said.calls:
            name, call_id = self._mint.name("item_"), self._mint.name("call_")
            called = {"call_id": call_id, "name": call.name, "arguments": call.arguments}
            items.append({"id": name, **whole, "type": "function_call", **called})
        return items

    def _item_told(self, item: JSON, at: JSON, chunks: int | None) -> Iterator[Told]:
        if item["type"] == "function_call":
            at = {**at, "call_id": item["call_id"]}
            for piece in argument_pieces(item["arguments"], chunks):
                yield Told(self._event("response.function_call_arguments.delta", **at, delta=piece), True)
            done = {**at, "name": item["name"], "arguments": item["arguments"]}
            yield Told(self._event("response.function_call_arguments.done", **done), False)
            return
        text = item["content"][0]["text"]
        at = {**at, "content_index": 0}
        yield Told(self._event("response.content_part.added", **at, part={"type": "text", "text": ""}), False)
        for piece in pieces(text, chunks):
            yield Told(self._event("response.output_text.delta", **at, delta=piece), True)
        yield Told(self._event("response.output_text.done", **at, text=text), False)
        yield Told(self._event("response.content_part.done", **at, part={"type": "text", "text": text}), False)

    def _since_last_user(self) -> list[JSON]:
        last = max((place for place, item in enumerate(self._items) if item.get("role") == "user"), default=-1)
        return self._items[last + 1 :]

    def _called(self, call_id: Any) -> str:
        names = (item.get("name") for item in self._items if item.get("call_id") == call_id and "name" in item)
        return str(next(names, "?"))

    def _event(self, kind: str, **fields: Any) -> JSON:
        return {"type": kind, "event_id": self._mint.name("event_"), **fields}


def _emptied(item: JSON) -> JSON:
    return {"content": []} if item["type"] == "message" else {"arguments": ""}


def _text(item: JSON) -> str:
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str)) or str(item.get("output") or "")


def _last_user_text(items: list[JSON]) -> str:
    return next((_text(item) for item in reversed(items) if item.get("role") == "user"), "")
