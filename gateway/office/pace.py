"""How often the journal is taken in: at each turn while little comes, at fewer where much does."""

MANY_LINES = 1000
TURNS_TO_SKIP = 3


class Pace:
    """Says of each turn whether it is taken.

    A pass costs as much as the rows of a thousand lines, however few it takes in: after one that found many, turns
    go by.
    """

    def __init__(self) -> None:
        self._to_skip = 0

    def is_due(self) -> bool:
        """Says whether this turn is taken, or goes by."""
        if self._to_skip:
            self._to_skip -= 1
            return False
        return True

    def took(self, lines: int, *, more: bool) -> None:
        """Learns what a pass found, and whether there is more, which is taken at once."""
        self._to_skip = TURNS_TO_SKIP if lines > MANY_LINES and not more else 0
