"""How much may be under way on one websocket: so many errands, and so many bytes of what they ask."""

from collections.abc import Iterable
from typing import TypeVar

from gateway.answers import Refusal
from gateway.websocket.errand import Errand

MOST_ERRANDS = 64
"""So many may be under way, or wait."""
MOST_BYTES = 32 << 20
"""So much may they ask together; one alone may be as large as a message."""
MOST_NOTED = 256
"""So many blocked calls are noted of one exchange; those behind them are blocked all the same."""
_TOO_MANY = Refusal(
    f"On one websocket {MOST_ERRANDS} responses may be under way.", code="too_many_responses", status=429
)
_TOO_MUCH = Refusal(
    f"The requests under way on one websocket may have {MOST_BYTES >> 20} MiB together.",
    code="too_much_under_way",
    status=429,
)
_Key = TypeVar("_Key")


def refusal_of_more(errands: Iterable[Errand], one_more: Errand) -> Refusal | None:
    """Gives the refusal of one more errand, None where there is room; replies that nobody asked for take none."""
    sizes = [each.size for each in errands if each.was_asked]
    if len(sizes) >= MOST_ERRANDS:
        return _TOO_MANY
    return _TOO_MUCH if sizes and sum(sizes) + one_more.size > MOST_BYTES else None


def begun(active: dict[_Key, Errand], key: _Key, errand: Errand) -> None:
    """Adds an errand to those that are answered by now.

    What was answered under this key before is cut. Where an upstream begins more than it ends, those that nobody asked
    for are cut first, and the oldest of them.
    """
    before = active.pop(key, None)
    if before is not None:
        before.break_off("cut")
    active[key] = errand
    if len(active) > MOST_ERRANDS:
        unasked = (each for each, one in active.items() if not (one.was_asked or one is errand))
        active.pop(next(unasked, next(iter(active)))).break_off("cut")
