"""An upstream that answers chat requests, whole or as a stream, and remembers what came."""

import asyncio

import msgspec

from tests.builders.scripted_upstream import Link, chunk, chunked_head, reply

EVENTS = 6
PACE = 0.004
DONE = b"data: [DONE]\n\n"
_STREAM = chunked_head(b"Content-Type: text/event-stream")
_JSON = b"Content-Type: application/json"


class Question(msgspec.Struct, frozen=True):
    """What is read of a request; each has a model of its own, so that it is known again in the journal."""

    model: str
    stream: bool = False


class Remembering:
    """A script: `asked` are the models that were asked for, one for each request that came whole."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, link: Link) -> None:
        while True:
            question = msgspec.json.decode((await link.request()).body, type=Question)
            self.asked.append(question.model)
            await asyncio.sleep(PACE)
            if not question.stream:
                await link.send(reply(msgspec.json.encode({"object": "chat.completion", "choices": []}), _JSON))
                continue
            await link.send(_STREAM)
            for number in range(EVENTS):
                await link.send(chunk(b'data: {"choices":[],"n":%d}\n\n' % number))
                await asyncio.sleep(PACE)
            await link.send(chunk(DONE) + chunk(b""))
