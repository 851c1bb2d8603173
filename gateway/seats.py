"""The seats for exchanges on their way: how many there are, and how many of them one credential may hold."""

from gateway.answers import Refusal
from gateway.exchange import Received
from identity.credentials import bearer

# A credential may hold so many times what is free: alone 8 of 9 seats, two 8 of 17 each, with always some left for
# one that holds none. It is the dynamic threshold that switches share their memory by (Choudhury and Hahne, 1998).
SHARE_OF_FREE = 8
OVERLOADED = Refusal(
    "The gateway has too many requests on their way. Try again.", code="overloaded", status=503, retry_after=1
)
TOO_MANY_AT_ONCE = Refusal(
    "The gateway is busy, and this credential has more requests on their way than its share. Try again.",
    code="too_many_at_once",
    status=429,
    retry_after=1,
)


class Seats:
    """Counts the exchanges on their way, `open` all in all; those without a credential are counted by address."""

    __slots__ = ("_held", "_most", "open")

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[bytes | str, int] = {}
        self.open = 0

    def take(self, holder: bytes | str) -> Refusal | None:
        """Takes a seat, which `give_back` returns; a refusal where there is none for this holder."""
        free = self._most - self.open
        if free <= 0:
            return OVERLOADED
        held = self._held.get(holder, 0)
        if held >= SHARE_OF_FREE * free:
            return TOO_MANY_AT_ONCE
        self._held[holder] = held + 1
        self.open += 1
        return None

    def give_back(self, holder: bytes | str) -> None:
        """Gives a seat back."""
        self.open -= 1
        held = self._held[holder] - 1
        if held:
            self._held[holder] = held
        else:
            del self._held[holder]


def holder_of(received: Received) -> bytes | str:
    """Gives who is counted as the holder of a request's seat: its credential as it came, else its address."""
    return bearer(received.only(b"authorization")) or received.client
