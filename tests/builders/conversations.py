"""What is said on a websocket, without the websocket: a conversation with plugins of a test, and what comes of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any, Literal

import msgspec

from gateway import Exchange
from gateway.answers import Target
from gateway.audit_id import new_audit_id
from gateway.exchange import Received
from gateway.pipeline import Sizes
from gateway.testing import a_caller
from gateway.websocket.conversation import Conversation, Passed
from gateway.websocket.errand import Handshake
from gateway.websocket.realtime import RealtimeConversation
from gateway.websocket.responses import ResponsesConversation
from storage.journal import Journal
from tests.builders.pipelines import ENDPOINTS, Passages

Said = str | bytes | Mapping[str, Any]
HEADERS = ((b"x-request-id", b"req_1"),)


class Conversing:
    """One conversation through a pipeline with a real journal; `plugins` follow one that knows every caller."""

    def __init__(
        self,
        folder: Path,
        kind: Literal["responses", "realtime"],
        *plugins: object,
        sizes: Sizes | None = None,
        target: Target | None = None,
        headers: Mapping[str, str] | None = None,
        journal: Journal | None = None,
        **caller: Any,
    ) -> None:
        self.passages = Passages(folder, None, *plugins, sizes=sizes, journal=journal)
        endpoint = ENDPOINTS.find("GET", f"/{kind}", "websocket")
        sent = tuple((name.encode(), value.encode()) for name, value in (headers or {}).items())
        received = Received(b"GET", f"/v1/{kind}".encode(), sent, "127.0.0.1")
        self.exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), received, endpoint)
        self.exchange.caller = a_caller(**caller)
        self._kind, self.target = kind, target or Target()
        self.conversation = self.begun()

    def begun(self) -> Conversation:
        """Gives a conversation of which nothing has been said."""
        parts = (self.passages.pipeline, self.exchange, self.target, HEADERS)
        if self._kind == "responses":
            return ResponsesConversation(Handshake(*parts))
        return RealtimeConversation(Handshake(*parts, "gpt-realtime"))

    def close(self) -> None:
        self.passages.close()

    @property
    def ended(self) -> list[Exchange]:
        """The exchanges that have a record, oldest first."""
        return self.passages.seen.ended

    async def asked(self, said: Said) -> Passed:
        """What a message of the client comes to."""
        return await self.conversation.asked(_message(said))

    async def answered(self, *said: Said) -> list[Any]:
        """What the client gets of messages of the upstream, as events."""
        got: list[Any] = []
        for each in said:
            passed = await self.conversation.answered(_message(each))
            assert passed.back == ()
            got += events(passed.on)
        return got


def events(messages: Sequence[str | bytes]) -> list[Any]:
    """Gives messages as the events that they are."""
    return [msgspec.json.decode(each) for each in messages]


def error_of(passed: Passed) -> str:
    """Gives the code of the error that is all that came of a message."""
    assert passed.on == ()
    (event,) = events(passed.back)
    assert event["type"] == "error"
    code: str = event["error"]["code"]
    return code


def a_function(name: str) -> dict[str, Any]:
    """Gives a function as responses and sessions write it."""
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}


def response_create(*tools: str, **members: Any) -> dict[str, Any]:
    """Gives a request on a websocket of responses."""
    offered = {"tools": [a_function(name) for name in tools]} if tools else {}
    return {"type": "response.create", "model": "gpt-4o-mini", "input": "Hello", **offered, **members}


def _message(said: Said) -> str | bytes:
    return said if isinstance(said, str | bytes) else msgspec.json.encode(said).decode()
