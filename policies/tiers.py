"""Which tier carries which model and endpoint: the table of `tiers.yaml`."""

from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from policies.document import DocumentError
from policies.folder import read_policy

FILE = "tiers.yaml"


class TiersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document: tiers from the lowest to the highest, and patterns by the lowest tier that carries them."""

    order: tuple[str, ...]
    models: dict[str, tuple[str, ...]]
    endpoints: dict[str, tuple[str, ...]]
    model_endpoints: tuple[str, ...] = ()


class Tiers:
    """Answers what a tier carries."""

    def __init__(self, file: TiersFile) -> None:
        self.order = file.order
        self._models = {tier: _carried(file.order, file.models, tier) for tier in file.order}
        self._endpoints = {tier: _carried(file.order, file.endpoints, tier) for tier in file.order}
        self._model_endpoints = file.model_endpoints

    def knows(self, tier: str) -> bool:
        """Whether there is such a tier."""
        return tier in self._models

    def models(self, tier: str) -> tuple[str, ...]:
        """Gives the patterns of the models that a tier carries."""
        return self._models.get(tier, ())

    def endpoints(self, tier: str) -> tuple[str, ...]:
        """Gives the patterns of the endpoints that a tier carries."""
        return self._endpoints.get(tier, ())

    def carries_endpoint(self, tier: str, endpoint: str) -> bool:
        """Whether a tier carries an endpoint."""
        return matches(self._endpoints.get(tier, ()), endpoint)

    def needs_model(self, endpoint: str) -> bool:
        """Whether an endpoint works with a model that the request must name."""
        return matches(self._model_endpoints, endpoint)


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of the patterns fits the name."""
    if "*" in patterns or name in patterns:
        return True
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def load_tiers(folder: Path | None) -> Tiers:
    """Gives the table of the operator's folder, else the shipped one. Errors: DocumentError."""
    source, file = read_policy(FILE, TiersFile, folder)
    for part, table in (("models", file.models), ("endpoints", file.endpoints)):
        for tier in table:
            if tier not in file.order:
                raise DocumentError(f"{source}, {part}.{tier}: unknown tier; known: {', '.join(file.order)}.")
    return Tiers(file)


def _carried(order: tuple[str, ...], table: dict[str, tuple[str, ...]], tier: str) -> tuple[str, ...]:
    return tuple(pattern for each in order[: order.index(tier) + 1] for pattern in table.get(each, ()))
