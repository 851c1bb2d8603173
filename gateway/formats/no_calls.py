"""What a format without calls has to say about them: nothing."""

from collections.abc import Sequence
from typing import Any

from gateway.answers import Change, Path
from gateway.formats.found import KeptTurn
from gateway.formats.seams import Said


def made_with(event: Any) -> list[Any] | None:
    """Gives nothing: there are no tools."""
    return None


def may_call(data: bytes) -> bool:
    """Whether bytes may hold a call: never."""
    return False


def may_hold_call(data: bytes) -> bool:
    """Whether bytes may hold a call: never."""
    return False


def stray_call(told: Any, *, streamed: bool) -> str | None:
    """Gives nothing: nobody looks for calls."""
    return None


def cut_short(reply: Any) -> bool:
    """Whether the model was stopped in the middle of a turn with calls: never."""
    return False


def noted(request: Any, text: str) -> tuple[Change, ...]:
    """Gives nothing: there are no turns."""
    return ()


def answered_calls(request: Any) -> list[str]:
    """Gives nothing."""
    return []


def put_back(request: Any, turns: Sequence[KeptTurn]) -> tuple[Change, ...]:
    """Gives nothing."""
    return ()


def step_of(reply: Any, removed: Sequence[Path]) -> Said:
    """Gives nothing: there are no steps."""
    return Said()


def joined(reply: Any, steps: Sequence[Said], removed: Sequence[Path]) -> list[Change]:
    """Gives nothing."""
    return []


class NoSeam:
    """Lets every event pass as it came."""

    @property
    def ids(self) -> tuple[str, str]:
        """Two times nothing: nobody continues by an id."""
        return "", ""

    def saw(self, event: Any) -> None:
        """Takes note of nothing."""

    def changes(self, event: Any, removed: Sequence[Path], *, goes_on: bool) -> list[Change] | None:
        """Gives no change."""
        return []

    def next_step(self, usage: Any) -> None:
        """Takes note of nothing."""


def seam() -> NoSeam:
    """Gives what lets every event pass as it came."""
    return NoSeam()
