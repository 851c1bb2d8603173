"""The guard: asks plugins about the texts and calls of a reply before any byte of them goes out."""

from gateway.guard.sluice import Sluice
from gateway.guard.stream import Out, StreamGuard
from gateway.guard.whole import Guarded, guard_whole
from gateway.guard.withheld import Withheld

__all__ = ["Guarded", "Out", "Sluice", "StreamGuard", "Withheld", "guard_whole"]
