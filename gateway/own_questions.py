"""What a plugin asks the upstream itself: one JSON request with the operator's key, which no hook sees."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from gateway.transport import OutgoingRequest, TransportError
from gateway.upstream import Upstream
from gateway.writable import written

MOST_BYTES = 1 << 20
SECONDS = 10.0
_PREFIX = b"/v1"
_HEADERS = ((b"Content-Type", b"application/json"), (b"Accept-Encoding", b"identity"))
Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, Any]]]
"""Takes a path below /v1, such as `/moderations`, and a body; gives the status and the JSON of the answer."""


class AskError(Exception):
    """The upstream could not be asked, or what it answered is no JSON; the message says why and holds no secret."""


async def nobody_to_ask(_path: str, _body: Mapping[str, Any]) -> tuple[int, Any]:
    """Answers where nothing may be sent: in the office, and where a command only looks. Errors: AskError."""
    raise AskError("nothing is sent from here")


class OwnQuestions:
    """Asks one upstream; a question takes at most `seconds`."""

    def __init__(self, upstream: Upstream, seconds: float = SECONDS) -> None:
        self._upstream = upstream
        self._seconds = seconds

    async def ask(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Gives status and JSON of the answer. Errors: AskError."""
        headers = self._upstream.own_headers()
        if headers is None:
            raise AskError("the gateway has no upstream key of its own")
        target = self._upstream.target(_PREFIX + path.encode("ascii"), len(_PREFIX))
        request = OutgoingRequest(b"POST", target, (*headers, *_HEADERS), written(body))
        try:
            async with asyncio.timeout(self._seconds):
                reply = await self._upstream.transport.send(request)
                try:
                    answer = await reply.read(MOST_BYTES)
                finally:
                    reply.close()
            return reply.status, msgspec.json.decode(answer)
        except TimeoutError:
            raise AskError(f"the upstream did not answer within {self._seconds:g} s") from None
        except TransportError as error:
            raise AskError(f"the upstream could not be asked ({type(error).__name__})") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise AskError("the upstream's answer is no JSON") from None
