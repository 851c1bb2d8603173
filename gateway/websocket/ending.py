"""Says what the end of one side means: what the other side is told, and what stands in the record."""

from typing import Literal

import msgspec

from gateway.exchange import Outcome
from gateway.websocket.link import Farewell

Side = Literal["client", "upstream"]
NORMAL, GOING_AWAY, NO_CODE, INVALID_DATA, TOO_BIG, INTERNAL_ERROR = 1000, 1001, 1005, 1007, 1009, 1011
SERVICE_RESTART = 1012
# From here on codes are the application's own.
FIRST_OF_APPLICATION = 3000


class Goodbye(msgspec.Struct, frozen=True):
    """A close frame; without a `code` it is empty."""

    code: int | None = None
    reason: str = ""


class Ending(msgspec.Struct, frozen=True):
    """How a websocket ended. `error` is None where it ended as it should, `by` where the gateway ended it."""

    outcome: Outcome
    to_client: Goodbye
    to_upstream: Goodbye
    error: str | None = None
    by: Side | None = None

    @property
    def left(self) -> Outcome:
        """The outcome of what was under way then."""
        return self.outcome if self.by is None else "client_gone" if self.by == "client" else "cut"


STOPPED = Ending(
    "stopped", Goodbye(SERVICE_RESTART, "The gateway is being restarted."), Goodbye(GOING_AWAY), "the gateway stopped"
)
FAILED = Ending("failed", Goodbye(INTERNAL_ERROR, "The gateway made an error of its own."), Goodbye(GOING_AWAY))


def ending_of(side: Side, farewell: Farewell) -> Ending:
    """Gives what follows from the end of `side`; a close frame goes on to the other side as it came."""
    outcome: Outcome = _outcome(side, farewell.code)
    if farewell.code is not None:
        passed_on = Goodbye() if farewell.code == NO_CODE else Goodbye(farewell.code, farewell.reason)
        calm = farewell.code in (NORMAL, NO_CODE)
        return Ending(outcome, passed_on, passed_on, None if calm else f"the {side} closed with {farewell.code}", side)
    error = f"the {side} {_fault(farewell)}"
    if side == "client":
        return Ending(outcome, Goodbye(farewell.fault or INTERNAL_ERROR), Goodbye(GOING_AWAY), error, side)
    told = farewell.fault if farewell.fault in (INVALID_DATA, TOO_BIG) else INTERNAL_ERROR
    return Ending(outcome, Goodbye(told, f"The upstream {_fault(farewell)}."), Goodbye(GOING_AWAY), error, side)


def _outcome(side: Side, code: int | None) -> Outcome:
    if code in (NORMAL, NO_CODE) or (code is not None and code >= FIRST_OF_APPLICATION):
        return "answered"
    if side == "upstream":
        return "cut"
    return "client_gone" if code in (None, GOING_AWAY) else "answered"


def _fault(farewell: Farewell) -> str:
    if farewell.stalled:
        return "stopped reading"
    if farewell.fault is not None:
        return f"broke the protocol: {farewell.fault}"
    return "broke the connection off"
