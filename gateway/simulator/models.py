"""`/v1/models`: the names that the simulator owns up to; it answers to any that is not `missing-*`."""

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.errors import unknown_model
from gateway.simulator.replies import Reply, Whole
from gateway.simulator.routes import Request, Route

NAMES = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-5",
    "gpt-5-mini",
    "gpt-realtime",
    "gpt-image-1",
    "gpt-4o-mini-tts",
    "gpt-4o-transcribe",
    "whisper-1",
    "tts-1",
    "omni-moderation-latest",
    "text-embedding-3-small",
    "text-embedding-3-large",
    "gpt-3.5-turbo-instruct",
)
CREATED = 1_700_000_000
MISSING = "missing-"


class Models:
    """Lists the models."""

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v1/models", self.list),
            Route("GET", "/v1/models/{}", self.retrieve),
        ]

    def list(self, request: Request) -> Reply:
        """All the names."""
        return Whole(msgspec.json.encode({"object": "list", "data": [_shape(name) for name in NAMES]}))

    def retrieve(self, request: Request) -> Reply:
        """One model. Raises ApiError 404 for `missing-*`."""
        return Whole(msgspec.json.encode(_shape(known(request.names[0]))))


def known(model: str) -> str:
    """The model's name. Raises ApiError 404 for `missing-*`."""
    if model.startswith(MISSING):
        raise unknown_model(model)
    return model


def _shape(name: str) -> JSON:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}
