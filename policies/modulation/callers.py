"""Remembers the state of the callers that were heard last, in bounded memory."""

from collections import OrderedDict

from policies.modulation.homeostasis import NEW, State

MOST_CALLERS = 10_000


class Callers:
    """The states by principal; when there are too many, whoever was heard longest ago begins anew."""

    def __init__(self, most: int = MOST_CALLERS) -> None:
        self._most = most
        self._states: OrderedDict[str, State] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    def state(self, principal: str) -> State:
        """Gives the state of a caller, a new one where nothing is remembered."""
        return self._states.get(principal, NEW)

    def remember(self, principal: str, state: State) -> None:
        """Keeps the state of a caller; an empty one takes no room."""
        if state == NEW:
            self._states.pop(principal, None)
            return
        self._states[principal] = state
        self._states.move_to_end(principal)
        if len(self._states) > self._most:
            self._states.popitem(last=False)
