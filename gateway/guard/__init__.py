"""The guard: asks plugins about the texts and calls of a reply before any byte of them goes out."""

from gateway.guard.asking import result_of
from gateway.guard.stream import Out, StreamGuard
from gateway.guard.whole import Guarded, guard_whole

__all__ = ["Guarded", "Out", "StreamGuard", "guard_whole", "result_of"]
