"""Makes many appends durable with one fsync: whoever comes while one runs waits for the next."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class GroupCommit:
    """Syncs in a thread of its own.

    `handles` gives the descriptors that hold what was appended so far, for the group to close; `failed` learns why
    one did not reach the disk.
    """

    def __init__(self, handles: Callable[[], list[int]], failed: Callable[[str], None]) -> None:
        self._handles = handles
        self._failed = failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._next: asyncio.Future[str | None] | None = None
        self._running = False

    async def durable(self) -> str | None:
        """Waits until what was appended before is on the disk; gives the reason why it is not."""
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            if not self._running:
                self._running = True
                # What else is appended in this turn of the loop belongs to the group.
                loop.call_soon(self._begin)
        return await asyncio.shield(self._next)

    def close(self) -> None:
        """Ends it; all that was appended has been synced before."""
        self._release(self._next, None)
        self._next = None
        self._thread.shutdown(wait=False)

    def _begin(self) -> None:
        group, self._next = self._next, None
        if group is None:
            self._running = False
            return
        try:
            handles = self._handles()
        except OSError as error:
            self._ended(group, error.strerror or str(error))
            return
        work = asyncio.get_running_loop().run_in_executor(self._thread, _synced, handles)
        work.add_done_callback(lambda done: self._ended(group, done.result()))

    def _ended(self, group: asyncio.Future[str | None], reason: str | None) -> None:
        if reason is not None:
            self._failed(reason)
        self._release(group, reason)
        self._begin()

    @staticmethod
    def _release(group: asyncio.Future[str | None] | None, reason: str | None) -> None:
        if group is not None and not group.done():
            group.set_result(reason)


def _synced(handles: list[int]) -> str | None:
    reason = None
    for handle in handles:
        try:
            os.fsync(handle)
        except OSError as error:
            reason = error.strerror or str(error)
        finally:
            os.close(handle)
    return reason
