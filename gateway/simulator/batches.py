"""`/v1/batches`: batches are taken, listed and cancelled; nothing is run."""

from typing import Any

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.errors import not_found
from gateway.simulator.kept import Kept, page
from gateway.simulator.mint import Mint
from gateway.simulator.replies import Reply, Whole
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape

KEPT_BATCHES = 200
SECONDS_TO_EXPIRE = 86_400


class BatchRequest(msgspec.Struct, frozen=True):
    """A request for a batch."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Any = None


class Batches:
    """Keeps batches."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._shape = Shape(BatchRequest)
        self._kept: Kept[JSON] = Kept(KEPT_BATCHES)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/batches", self.create),
            Route("GET", "/v1/batches", self.list),
            Route("GET", "/v1/batches/{}", self.retrieve),
            Route("POST", "/v1/batches/{}/cancel", self.cancel),
        ]

    def create(self, request: Request) -> Reply:
        """Keep a batch."""
        asked = self._shape.read(request.body)
        now = self._mint.now()
        batch = {
            "id": self._mint.name("batch_"),
            "object": "batch",
            "endpoint": asked.endpoint,
            "errors": None,
            "input_file_id": asked.input_file_id,
            "completion_window": asked.completion_window,
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": now,
            "expires_at": now + SECONDS_TO_EXPIRE,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.metadata,
        }
        self._kept.put(batch["id"], batch)
        return Whole(msgspec.json.encode(batch))

    def list(self, request: Request) -> Reply:
        """The kept batches."""
        data = self._kept.all()
        return Whole(msgspec.json.encode(page(data)))

    def retrieve(self, request: Request) -> Reply:
        """One batch."""
        return Whole(msgspec.json.encode(self._find(request.names[0])))

    def cancel(self, request: Request) -> Reply:
        """Cancel a batch."""
        batch = self._find(request.names[0])
        now = self._mint.now()
        cancelled = {**batch, "status": "cancelled", "cancelling_at": now, "cancelled_at": now}
        self._kept.put(batch["id"], cancelled)
        return Whole(msgspec.json.encode(cancelled))

    def _find(self, name: str) -> JSON:
        batch = self._kept.find(name)
        if batch is None:
            raise not_found("batch", name)
        return batch
