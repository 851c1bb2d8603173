"""Starts the children, starts again what dies, ends what stands still, and stops them all in order."""

import selectors
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from types import FrameType

import msgspec

from gateway.processes.child import Child, started
from gateway.processes.orders import Orders

MODULES = {role: f"gateway.processes.{role}" for role in ("worker", "office", "simulator")}

_WITH_A_PULSE = ("worker", "office")


GIVE_UP_AFTER = 6


class StartError(Exception):
    """A child cannot start, and said why."""


class Patience(msgspec.Struct, frozen=True):
    """How long the supervisor waits, in seconds.

    `silence` is how long a child's loop may stand; `start` how long it may take to be ready. `drain` is what the
    children have to end their exchanges, `end` what they have after that. A child that ended is started again at
    once, the next time after `first_pause`, then ever later up to `longest_pause`.
    """

    silence: float = 10.0
    start: float = 60.0
    drain: float = 30.0
    end: float = 5.0
    first_pause: float = 0.25
    longest_pause: float = 10.0


class Post:
    """A part to play, and the child that plays it now; `again_at` is when the next one starts."""

    def __init__(self, name: str, orders: Orders) -> None:
        self.name = name
        self.orders = orders
        self.child: Child | None = None
        self.again_at: float | None = None
        self.lives = 0
        self.ended_in_a_row = 0
        self.failed_starts = 0


class Supervisor:
    """Holds one child in each post.

    `say` is told what the operator should know, `ended` the process id of each child that is gone.
    """

    def __init__(
        self,
        posts: Sequence[tuple[str, Orders]],
        listeners: Sequence[socket.socket],
        environ: Mapping[str, str],
        patience: Patience,
        say: Callable[[str], None],
        ended: Callable[[int], None],
    ) -> None:
        self._posts = [Post(name, orders) for name, orders in posts]
        self._listeners = listeners
        self._environ = dict(environ)
        self._patience = patience
        self._say = say
        self._tell_ended = ended
        self._selector = selectors.DefaultSelector()
        self._signals = 0

    def run(self, ready: Callable[[], None]) -> None:
        """Runs until SIGTERM or SIGINT; calls `ready` once all children are. Errors: StartError."""
        woken, waking = socket.socketpair()
        with woken, waking, self._selector:
            woken.setblocking(False)
            waking.setblocking(False)
            self._selector.register(woken, selectors.EVENT_READ)
            before = [(number, signal.signal(number, self._count)) for number in (signal.SIGTERM, signal.SIGINT)]
            wakeup = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
            try:
                for post in self._posts:
                    self._start(post)
                self._until(self._all_ready)
                if self._signals == 0:
                    ready()
                    self._until(lambda: False)
            finally:
                self._stop()
                signal.set_wakeup_fd(wakeup)
                for number, handler in before:
                    signal.signal(number, handler)

    def _count(self, _signal: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _all_ready(self) -> bool:
        for post in self._posts:
            child = post.child
            if child is not None and child.fault is not None:
                raise StartError(child.fault)
        return all(post.child is not None and post.child.ready for post in self._posts)

    def _until(self, done: Callable[[], bool]) -> None:
        """Looks after the children until `done`, or until a signal comes."""
        while self._signals == 0 and not done():
            self._look(1.0)
            now = monotonic()
            for post in self._posts:
                if post.child is None:
                    if post.again_at is not None and post.again_at <= now:
                        self._start(post)
                else:
                    self._watch(post.child, now)

    def _start(self, post: Post) -> None:
        orders = msgspec.structs.replace(post.orders, restarts=post.lives)
        post.lives += 1
        post.again_at = None
        post.child = started(_module(orders), post.name, orders, self._environ)
        self._selector.register(post.child.reports, selectors.EVENT_READ, post)

    def _look(self, most_seconds: float) -> None:
        """Waits for something to happen, at most so long, and hears what the children say."""
        due = min((post.again_at for post in self._posts if post.again_at is not None), default=None)
        if due is not None:
            most_seconds = max(0.0, min(most_seconds, due - monotonic()))
        for key, _ in self._selector.select(most_seconds):
            if key.data is None:
                key.fileobj.recv(64)  # type: ignore[union-attr]
            else:
                self._hear(key.data)

    def _hear(self, post: Post) -> None:
        child = post.child
        if child is None or child.hear():
            return
        self._selector.unregister(child.reports)
        how = child.gone()
        self._tell_ended(child.pid)
        post.child = None
        if self._signals:
            return
        post.failed_starts = 0 if child.ready else post.failed_starts + 1
        if child.orders.role == "worker" and post.failed_starts >= GIVE_UP_AFTER:
            # Without a worker the port takes requests that nobody answers.
            reason = child.fault or "the reasons stand above."
            raise StartError(f"The {post.name} could not be started {post.failed_starts} times in a row: {reason}")
        if post.lives == 1 and not child.ready:
            raise StartError(child.fault or f"The {post.name} {how} before it was ready; its reason stands above.")
        self._again(post, child, how)

    def _again(self, post: Post, child: Child, how: str) -> None:
        patience = self._patience
        now = monotonic()
        if now - child.started > patience.longest_pause:
            post.ended_in_a_row = 0
        pause = min(patience.first_pause * post.ended_in_a_row**2, patience.longest_pause)
        post.ended_in_a_row += 1
        post.again_at = now + pause
        why = f": {child.fault}" if child.fault else ""
        self._say(f"The {post.name} (process {child.pid}) {how}{why}; it is started again.")

    def _watch(self, child: Child, now: float) -> None:
        if child.ready and child.orders.role not in _WITH_A_PULSE:
            return
        allowed = self._patience.silence if child.ready else self._patience.start
        if now - child.last_heard > allowed:
            self._say(f"The {child.name} (process {child.pid}) has stood still for {allowed:.0f} s; it is ended.")
            child.last_heard = now
            child.kill()

    def _stop(self) -> None:
        """Stops listening; then workers, so that their last exchanges find the office; then the others."""
        for listener in self._listeners:
            listener.close()
        self._signals = max(self._signals, 1)
        for role in ("worker", "office", "simulator"):
            posts = [post for post in self._posts if post.orders.role == role]
            self._end([post for post in posts if post.child is not None])

    def _end(self, posts: list[Post]) -> None:
        asked = 0
        deadline = monotonic() + self._patience.drain + self._patience.end
        while running := [post.child for post in posts if post.child is not None]:
            if asked < min(self._signals, 2):
                asked += 1
                for child in running:
                    child.stop()
                if asked == 2:
                    deadline = monotonic() + self._patience.end
            if monotonic() > deadline:
                for child in running:
                    child.kill()
            self._look(0.2)


def _module(orders: Orders) -> str:
    return f"gateway.processes.{'both' if orders.office_inside else orders.role}"
