"""The smallest proxy over a transport: what it costs beyond uvicorn is the transport.

python -m perf.transport_proxy own --port 8000 --upstream http://127.0.0.1:9000/v1
"""

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from gateway.transport import OutgoingRequest, Transport
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_NOT_RETURNED = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"))
_NOT_SENT = frozenset((*_NOT_RETURNED, b"host", b"content-length", b"te"))


class Proxy:
    """An ASGI application that sends every request through `transport` and its reply back."""

    def __init__(self, transport: Transport, host: bytes) -> None:
        self._transport = transport
        self._host = (b"host", host)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        message = await receive()
        body: bytes = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = (self._host, *[pair for pair in scope["headers"] if pair[0] not in _NOT_SENT])
        reply = await self._transport.send(OutgoingRequest(scope["method"].encode(), target, headers, body))
        returned = [pair for pair in reply.headers if pair[0].lower() not in _NOT_RETURNED]
        await send({"type": "http.response.start", "status": reply.status, "headers": returned})
        while piece := await reply.chunk():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        reply.close()


def transport_named(name: str, origin: str) -> Transport:
    """Makes `own` or one of `perf.transports`, of which only the one that is asked for has to be installed."""
    if name == "own":
        return ConnectionPool(origin, Limits())
    module = import_module(f"perf.transports.{name}_client")
    transport: Transport = getattr(module, f"{name.capitalize()}Transport")(origin)
    return transport


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transport", help="own, aiohttp, httpx or pyreqwest")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="http://127.0.0.1:PORT/v1")
    options = parser.parse_args()
    netloc = urlsplit(options.upstream).netloc
    uvicorn.run(
        Proxy(transport_named(options.transport, f"http://{netloc}"), netloc.encode()),
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
