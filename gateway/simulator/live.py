"""A `/v1/live` session: it starts, it closes, and it sends back everything else."""

from collections.abc import Iterator

from gateway.simulator.asgi import JSON
from gateway.simulator.mint import Mint
from gateway.simulator.sessions import Heard, uncounted

SECONDS_TO_EXPIRE = 3600


class LiveSession:
    """One websocket's live session."""

    def __init__(self, model: str, mint: Mint) -> None:
        self._mint = mint
        self._session: JSON = {
            "id": mint.name("live_"),
            "model": model,
            "status": "active",
            "expires_at": mint.now() + SECONDS_TO_EXPIRE,
        }

    def opening(self) -> Iterator[JSON]:
        """Nothing: the client speaks first."""
        return iter(())

    def hear(self, event: JSON) -> Heard | None:
        """`session.started` and `session.closed`; None for the rest."""
        if event["type"] == "session.start":
            asked = event.get("session")
            named = asked.get("model") if isinstance(asked, dict) else None
            self._session = {**self._session, "model": named or self._session["model"]}
            return Heard(uncounted(self._told("session.started", event)))
        if event["type"] == "session.close":
            closed = self._told("session.closed", event)
            return Heard(uncounted({**closed, "reason": "close_requested", "usage": {"seconds": 0.0}}))
        return None

    def _told(self, kind: str, event: JSON) -> JSON:
        told: JSON = {"type": kind, "event_id": self._mint.name("event_"), "session": self._session}
        return {**told, "client_event_id": event["event_id"]} if "event_id" in event else told
