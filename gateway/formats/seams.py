"""What the steps of a tool loop have in common in every format, where they are made one reply."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gateway.answers import Change, Path


class Said(msgspec.Struct, frozen=True):
    """What one step of a loop adds to the reply that the client gets: texts by member, output items, usage as JSON."""

    texts: Mapping[str, str] = {}
    items: Sequence[Any] = ()
    usage: Any = None


class Seam(Protocol):
    """Makes one stream of those of a loop's steps: one id, indexes and numbers without holes, one usage at the end."""

    @property
    def ids(self) -> tuple[str, str]:
        """The id by which the client knows the reply, and that by which the upstream does; empty where nobody asks."""

    def saw(self, event: Any) -> None:
        """Takes note of an event that went out as it came."""

    def changes(self, event: Any, removed: Sequence[Path], *, goes_on: bool) -> list[Change] | None:
        """Gives what is to be changed in an event before it goes out, None where it does not go out.

        `removed` are the paths of calls in it that are not the client's; `goes_on` says that another step follows.
        """

    def next_step(self, usage: Any) -> None:
        """Says that a step has ended, and what it took as its reply says."""


def added_usage(one: Any, other: Any) -> Any:
    """Gives the sum of two usages as an API writes them: numbers are added, what only one has is taken over."""
    if one.__class__ is dict and other.__class__ is dict:
        return {key: added_usage(one.get(key), other.get(key)) for key in {**one, **other}}
    if one.__class__ in (int, float) and other.__class__ in (int, float):
        return one + other
    return one if other is None else other
