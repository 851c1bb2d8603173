"""Carries websocket sessions: events go to the session, everything else is sent back as it came."""

import asyncio
import re
from typing import Any

import msgspec

from gateway.simulator.access import check_key
from gateway.simulator.asgi import JSON, Receive, Scope, Send
from gateway.simulator.errors import ApiError
from gateway.simulator.live import LiveSession
from gateway.simulator.mint import Mint
from gateway.simulator.models import known
from gateway.simulator.realtime import RealtimeSession
from gateway.simulator.response_session import ResponseSession
from gateway.simulator.responses import Responses
from gateway.simulator.routes import query_of
from gateway.simulator.sessions import Heard, Session
from gateway.simulator.tokens import Tokens

CLOSE = re.compile(r"!close (\d{4})(?: (.*))?", re.DOTALL)
ABNORMAL = 1006
# RFC 6455, 7.4: the others are reserved, and a control frame carries at most 125 bytes.
STANDARD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
LONGEST_REASON = 123
PROTOCOL = "realtime"


class Sockets:
    """Opens a session for each websocket and keeps it going."""

    def __init__(self, mint: Mint, tokens: Tokens, responses: Responses) -> None:
        self._mint = mint
        self._tokens = tokens
        self._responses = responses

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Carry one websocket to its end; False if the client went without a close frame."""
        await receive()
        try:
            check_key(dict(scope["headers"]), scope["subprotocols"])
            session = self._session(scope)
        except ApiError as error:
            await _deny(error, send)
            return True
        chosen = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": [self._request_name()]})
        try:
            for event in session.opening():
                await _say(event, send)
            return await self._converse(session, receive, send)
        except OSError:
            # The server says so when it is asked to send after the client has gone.
            return False

    def _session(self, scope: Scope) -> Session:
        path: str = scope["path"]
        query = query_of(scope["query_string"])
        if path == "/v1/responses":
            return ResponseSession(self._responses)
        if path == "/v1/realtime" or path.startswith("/v1/realtime/"):
            return RealtimeSession(known(query.get("model", "gpt-realtime")), self._mint, self._tokens)
        if path == "/v1/live" or path.startswith("/v1/live/"):
            return LiveSession(known(query.get("model", "gpt-live-1")), self._mint)
        raise ApiError(404, f"Invalid URL (GET {path}). The simulator has no such websocket.", code="unknown_url")

    async def _converse(self, session: Session, receive: Receive, send: Send) -> bool:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return bool(message.get("code") != ABNORMAL)
            text = message.get("text")
            if text is None:
                await send({"type": "websocket.send", "bytes": message["bytes"]})
                continue
            closing = _closing(text)
            if closing is not None:
                await send({"type": "websocket.close", **closing})
                return True
            event = _event(text)
            try:
                heard = None if event is None else session.hear(event)
            except ApiError as error:
                await _say(self._error(error), send)
                continue
            if heard is None:
                await send({"type": "websocket.send", "text": text})
            elif not await _tell(heard, send):
                return True

    def _error(self, error: ApiError) -> JSON:
        shape = {**error.shape(), "event_id": None}
        return {"type": "error", "event_id": self._mint.name("event_"), "status": error.status, "error": shape}

    def _request_name(self) -> tuple[bytes, bytes]:
        return b"x-request-id", self._mint.name("req_").encode()


async def _tell(heard: Heard, send: Send) -> bool:
    """Send the events; False after a cut, when the session ends without a close frame."""
    await asyncio.sleep(heard.pacing.delay_ms / 1000)
    counted = 0
    for event, is_counted in heard.told:
        if is_counted:
            if counted == heard.pacing.cut:
                return False
            if counted:
                await asyncio.sleep(heard.pacing.pace_ms / 1000)
            counted += 1
        await _say(event, send)
    return heard.pacing.cut is None


async def _say(event: JSON, send: Send) -> None:
    await send({"type": "websocket.send", "text": msgspec.json.encode(event).decode()})


async def _deny(error: ApiError, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), *error.headers]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": error.body()})


def _closing(text: str) -> JSON | None:
    """What `!close CODE reason` asks for; None where the protocol allows no such close frame."""
    asked = CLOSE.fullmatch(text)
    if asked is None or len((asked[2] or "").encode()) > LONGEST_REASON:
        return None
    code = int(asked[1])
    return {"code": code, "reason": asked[2] or ""} if code in STANDARD_CODES or 3000 <= code <= 4999 else None


def _event(text: str) -> JSON | None:
    try:
        event: Any = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None
