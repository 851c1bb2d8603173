"""The tools that are built into the simulated upstream: a search of the web, and one of files."""

from collections.abc import Callable, Iterator

from gateway.simulator.asgi import JSON
from gateway.simulator.directives import Search
from gateway.simulator.response_shapes import Item

_STAGES = ("in_progress", "searching", "completed")
_PREFIXES = {"web_search": "ws_", "file_search": "fs_"}


class SearchCall:
    """A part of the output that says what was searched for."""

    def __init__(self, mint: Callable[[str], str], search: Search) -> None:
        self.name = mint(_PREFIXES[search.tool])
        self._search = search

    def item(self, finished: bool) -> JSON:
        """The item as it stands in the output."""
        shape: JSON = {
            "id": self.name,
            "type": f"{self._search.tool}_call",
            "status": "completed" if finished else "in_progress",
        }
        query = self._search.query
        if self._search.tool == "web_search":
            return {**shape, "action": {"type": "search", "query": query, "queries": [query]}}
        return {**shape, "queries": [query], "results": None}

    def spoken(self) -> Item:
        """The item in the next request's conversation."""
        return Item(id=self.name, type=f"{self._search.tool}_call")

    def stages(self, place: JSON) -> Iterator[JSON]:
        """The events between the item's beginning and its end."""
        for stage in _STAGES:
            yield {"type": f"response.{self._search.tool}_call.{stage}", **place}
