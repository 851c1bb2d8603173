"""`/v1/moderations`: a fixed keyword scheme, not a judgement."""

import re
from typing import Any

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.mint import Mint
from gateway.simulator.models import known
from gateway.simulator.replies import Reply, Whole
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape

# A text is flagged for a category if one of its words is here, or if it says `flag:CATEGORY`.
KEYWORDS: dict[str, frozenset[str]] = {
    "harassment": frozenset({"idiot", "loser", "stupid"}),
    "harassment/threatening": frozenset({"threaten", "threatening"}),
    "hate": frozenset({"hate", "subhuman"}),
    "hate/threatening": frozenset({"exterminate"}),
    "illicit": frozenset({"shoplift", "counterfeit", "launder"}),
    "illicit/violent": frozenset({"bomb", "explosive"}),
    "self-harm": frozenset({"suicide", "selfharm"}),
    "self-harm/intent": frozenset({"suicidal"}),
    "self-harm/instructions": frozenset({"overdose"}),
    "sexual": frozenset({"porn", "pornographic"}),
    "sexual/minors": frozenset({"underage"}),
    "violence": frozenset({"kill", "murder", "stab"}),
    "violence/graphic": frozenset({"gore", "dismember"}),
}
WITH_IMAGES = ("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic")
FLAGGED, CLEAR = 0.95, 0.0001
WORD = re.compile(r"[a-z]+")


class ModerationRequest(msgspec.Struct, frozen=True):
    """A moderation request: a text, texts, or the parts of one message."""

    input: str | list[str | JSON]
    model: str | None = None


class Moderations:
    """Answers moderation requests."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._shape = Shape(ModerationRequest)

    def routes(self) -> list[Route]:
        return [Route("POST", "/v1/moderations", self.create)]

    def create(self, request: Request) -> Reply:
        """A result for each text; the parts of a message are judged together."""
        asked = self._shape.read(request.body)
        model = known(asked.model or "omni-moderation-latest")
        results = [_result(text, images) for text, images in _subjects(asked.input)]
        return Whole(msgspec.json.encode({"id": self._mint.name("modr-"), "model": model, "results": results}))


def _subjects(given: str | list[str | JSON]) -> list[tuple[str, bool]]:
    if isinstance(given, str):
        return [(given, False)]
    texts = [part for part in given if isinstance(part, str)]
    parts: list[dict[str, Any]] = [part for part in given if isinstance(part, dict)]
    if not parts:
        return [(text, False) for text in texts]
    spoken = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    return [("\n".join([*texts, *spoken]), any(part.get("type") == "image_url" for part in parts))]


def _result(text: str, images: bool) -> JSON:
    lowered = text.casefold()
    words = set(WORD.findall(lowered))
    flags = {
        category: bool(words & keywords) or f"flag:{category}" in lowered.split()
        for category, keywords in KEYWORDS.items()
    }
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": {category: FLAGGED if flag else CLEAR for category, flag in flags.items()},
        "category_applied_input_types": {
            category: ["text", "image"] if images and category in WITH_IMAGES else ["text"] for category in KEYWORDS
        },
    }
