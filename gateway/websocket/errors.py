"""Says on a websocket that something is not carried on: the `error` event of the API."""

import json

from gateway.answers import Refusal
from gateway.errors import refusal_object


def error_event(refusal: Refusal, audit_id: str, *, event_id: str | None = None, stream_id: str = "") -> str:
    """Gives the event, whose own id is that of the record; `event_id` and `stream_id` are the client's."""
    event = {
        "type": "error",
        "event_id": audit_id,
        "status": refusal.status,
        "error": {**refusal_object(refusal)["error"], "event_id": event_id},
    }
    return json.dumps({**event, "stream_id": stream_id} if stream_id else event, separators=(",", ":"))
