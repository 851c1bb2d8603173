"""A `/v1/responses` websocket: each `response.create` is answered with the events of a stream."""

from collections.abc import Iterator

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.responses import Responses, told_events
from gateway.simulator.sessions import Heard


class ResponseSession:
    """One websocket's responses."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    def opening(self) -> Iterator[JSON]:
        """Nothing: the client speaks first."""
        return iter(())

    def hear(self, event: JSON) -> Heard | None:
        """The events of the response; None for another event. Raises ApiError."""
        if event["type"] != "response.create":
            return None
        request = {name: value for name, value in event.items() if name not in ("type", "event_id")}
        run, directives = self._responses.begin(msgspec.json.encode(request))
        return Heard(told_events(run.told(), directives.error), directives.pacing)
