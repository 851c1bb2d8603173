"""What the replies of each stream have from the request before them, where the upstream goes on by itself."""

from collections import OrderedDict
from typing import Any

from gateway.formats.strangers import elements, member
from gateway.websocket.errand import Errand
from gateway.websocket.under_way import MOST_BYTES, MOST_ERRANDS


class Settled:
    """Remembers the settings of the last request of so many streams, and of no more bytes of requests than may wait."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, tuple[dict[str, Any], int]] = OrderedDict()

    def of(self, stream_id: str) -> dict[str, Any]:
        """Gives the settings of a stream, none where they are forgotten: whoever has none may call nothing."""
        return self._of.get(stream_id, ({}, 0))[0]

    def note(self, stream_id: str, errand: Errand) -> None:
        """Takes note of the errand that is answered now; one that nobody asked for has the settings that are known."""
        size = errand.size if errand.was_asked else self._of.get(stream_id, ({}, 0))[1]
        self._of[stream_id] = _settings_of(errand.exchange.request.json), size
        self._of.move_to_end(stream_id)
        while len(self._of) > MOST_ERRANDS or (len(self._of) > 1 and self._size() > MOST_BYTES):
            self._of.popitem(last=False)

    def _size(self) -> int:
        return sum(size for _, size in self._of.values())


def _settings_of(request: dict[str, Any]) -> dict[str, Any]:
    """Gives of a request what the replies behind its own have from it: its model, and all that offers tools."""
    settings: dict[str, Any] = {name: request[name] for name in ("model", "prompt", "tools") if name in request}
    carriers = [item for item in elements(request, "input") if member(item, "tools") is not None]
    return {**settings, "input": carriers} if carriers else settings
