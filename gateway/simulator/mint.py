"""Makes identifiers and dates; the same requests in the same order get the same identifiers."""

from collections.abc import Callable
from itertools import count


class Mint:
    """Counts the identifiers of one simulator."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._numbers = count(1)

    def name(self, prefix: str) -> str:
        """An identifier that was not given before, such as `resp_000...01`."""
        return f"{prefix}{next(self._numbers):024x}"

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._clock())
