"""Decides by its path whether a websocket is carried; those of the model API are."""

from collections.abc import Mapping

from gateway.answers import Refusal
from gateway.endpoints import EndpointTable
from gateway.errors import refusal_body, refusal_headers
from gateway.front import MODEL_API
from gateway.pipeline import Pipeline
from gateway.seats import Seats, holder_of
from gateway.websocket.credential import with_credential
from gateway.websocket.dial import WebsocketDialer
from gateway.websocket.offer import Offer
from gateway.websocket.passage import WebsocketPassage

_NOT_HERE = Refusal(
    "There is no websocket at this path; those of the model API are below /v1.", code="not_found", status=404
)


class WebsocketFront:
    """Hands each handshake on; open websockets count as exchanges on their way."""

    def __init__(
        self,
        pipeline: Pipeline,
        dialers: Mapping[str, WebsocketDialer],
        endpoints: EndpointTable,
        seats: Seats,
        *,
        bare_paths: bool,
        patience: float,
    ) -> None:
        self._pipeline = pipeline
        self._dialers = dialers
        self._endpoints = endpoints
        self._seats = seats
        self._bare_paths = bare_paths
        self._patience = patience

    async def __call__(self, offer: Offer) -> None:
        """Carries one websocket from its handshake to its end."""
        prefix_length = self._prefix_length(offer.received.target)
        if prefix_length is None:
            _refuse(offer, _NOT_HERE)
            return
        passage = WebsocketPassage(self._pipeline, self._dialers, offer, prefix_length, self._patience)
        holder = holder_of(with_credential(offer.received))
        refusal = self._seats.take(holder)
        if refusal is not None:
            await passage.run(refusal)
            return
        try:
            await passage.run()
        finally:
            self._seats.give_back(holder)

    def _prefix_length(self, target: bytes) -> int | None:
        if target.startswith(MODEL_API + b"/"):
            return len(MODEL_API)
        path = target.partition(b"?")[0].decode("latin-1")
        is_bare = self._bare_paths and self._endpoints.find("GET", path, "websocket") is not None
        return 0 if is_bare else None


async def none_here(offer: Offer) -> None:
    """Refuses a websocket at an address that has none."""
    _refuse(offer, _NOT_HERE)


def _refuse(offer: Offer, refusal: Refusal) -> None:
    offer.refuse(refusal.status, refusal_headers(refusal), refusal_body(refusal))
