"""An upstream without a socket: answers each request with the next thing that a test put there."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from gateway.exchange import Headers
from gateway.transport import IncomingReply, OutgoingRequest, ReplyTooLarge, Take, TransportError

JSON: Headers = ((b"Content-Type", b"application/json"),)
EVENTS: Headers = ((b"Content-Type", b"text/event-stream; charset=utf-8"),)


class FakeReply:
    """Implements `gateway.transport.IncomingReply`.

    `pieces` are given one by one: an exception is raised where it stands, an event waited for, a function called.
    """

    def __init__(
        self,
        *pieces: "bytes | Exception | asyncio.Event | Callable[[], object]",
        status: int = 200,
        headers: Headers = JSON,
        reason: bytes = b"OK",
        length: bool = False,
    ) -> None:
        self.status = status
        self.reason = reason
        size = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
        self.headers = (*headers, (b"Content-Length", b"%d" % size)) if length else headers
        self.closed = 0
        self.given = 0
        self._pieces = list(pieces)

    async def chunk(self, take: Take | None = None) -> bytes:
        assert not self.closed, "read after it was closed"
        await asyncio.sleep(0)
        while self._pieces:
            piece = self._pieces.pop(0)
            if isinstance(piece, bytes):
                self.given += 1
                if take is not None and take(piece):
                    continue
                return piece
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                piece()
        return b""

    async def read(self, limit: int) -> bytes:
        body = b""
        while data := await self.chunk():
            body += data
            if len(body) > limit:
                self.close()
                raise ReplyTooLarge
        return body

    def close(self) -> None:
        self.closed += 1


Answer: TypeAlias = IncomingReply | TransportError | asyncio.Event


class FakeTransport:
    """Implements `gateway.transport.Transport`.

    Each request takes the next of `answers`: a reply is given, an error raised, an event waited for (then comes the
    next one). `requests` are those that came, `bodies` what they carried; `asked` is called for each.
    """

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[OutgoingRequest] = []
        self.bodies: list[bytes] = []
        self.asked: Callable[[], None] = lambda: None
        self.closed = False
        self._answers = list(answers)

    def answer(self, *answers: Answer) -> None:
        """Puts other answers in the place of those that are left."""
        self._answers = list(answers)

    async def send(self, request: OutgoingRequest) -> IncomingReply:
        self.requests.append(request)
        self.asked()
        body = request.body
        if body is not None and not isinstance(body, bytes):
            body = b"".join([piece async for piece in body])
        self.bodies.append(body or b"")
        await asyncio.sleep(0)
        while True:
            answer = self._answers.pop(0)
            if isinstance(answer, asyncio.Event):
                await answer.wait()
            elif isinstance(answer, TransportError):
                raise answer
            else:
                return answer

    async def aclose(self) -> None:
        self.closed = True


def a_chat_reply(says: str = "Hello", model: str = "gpt-4o-mini-2024", *, usage: bool = True) -> FakeReply:
    """A whole chat completion."""
    return FakeReply(chat_body(says, model, usage=usage), headers=(*JSON, (b"x-request-id", b"req_1")), length=True)


def chat_body(says: str = "Hello", model: str = "gpt-4o-mini-2024", *, usage: bool = True) -> bytes:
    """The bytes of a whole chat completion."""
    message = {"role": "assistant", "content": says}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    tokens = {"prompt_tokens": 8, "completion_tokens": 5, "total_tokens": 13}
    counted = {"usage": tokens} if usage else {}
    return msgspec.json.encode(
        {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": choices, **counted}
    )


def chat_events(words: Sequence[str] = ("Hel", "lo"), *, done: bool = True) -> list[bytes]:
    """The events of a streamed chat completion."""
    events = [
        b"data: %b\n\n"
        % msgspec.json.encode(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "model": "gpt-4o-mini-2024",
                "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}],
            }
        )
        for word in words
    ]
    return [*events, b"data: [DONE]\n\n"] if done else events


def a_stream(*pieces: "bytes | Exception | asyncio.Event | Callable[[], object]") -> FakeReply:
    """A reply that streams events; without pieces, a whole one."""
    return FakeReply(*(pieces or chat_events()), headers=(*EVENTS, (b"x-request-id", b"req_2")))
