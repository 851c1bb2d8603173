"""What is kept for each principal, of no more than so many: who was not there for longest is forgotten first."""

from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class ByPrincipal(Generic[Kept]):
    """Keeps one thing for each of the `most` principals that came last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, principal: str) -> Kept | None:
        """Gives what is kept of a principal, None where nothing is."""
        return self._kept.get(principal)

    def keep(self, principal: str, kept: Kept) -> None:
        """Keeps it, and forgets who came longest ago where there is no more room."""
        self._kept.pop(principal, None)
        self._kept[principal] = kept
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
