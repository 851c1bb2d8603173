"""One child process as the supervisor sees it: started with its orders, watched over its reports, started again."""

import os
import signal
import subprocess
import sys
from time import monotonic

import msgspec

from gateway.processes.orders import Orders, written
from gateway.processes.reports import FAULT, READY


class Child:
    """A running child. `last_heard` is when it last said something, `fault` what it said was wrong."""

    def __init__(self, name: str, orders: Orders, reports: int, process: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.orders = orders
        self.reports = reports
        self.process = process
        self.started = self.last_heard = monotonic()
        self.ready = False
        self.fault: str | None = None
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def hear(self) -> bool:
        """Reads what the child said; says whether it is still there."""
        try:
            said = os.read(self.reports, 1 << 16)
        except BlockingIOError:
            return True
        self.last_heard = monotonic()
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            if line == READY:
                self.ready = True
            elif line.startswith(FAULT):
                self.fault = line[len(FAULT) :].decode()
        return bool(said)

    def stop(self) -> None:
        """Asks it to end; asked twice, it ends at once."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def gone(self) -> str:
        """Waits for a child that has ended, and says how it went."""
        status = self.process.wait()
        os.close(self.reports)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)


def started(module: str, name: str, orders: Orders, environ: dict[str, str]) -> Child:
    """Starts a child; `orders.reports` is filled in here.

    The role stands in the command line, so that tools can tell the processes apart. The child has a process group
    of its own: Ctrl-C in a terminal is for the supervisor, which then stops the others in order.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    inherited = [fd for fd in (orders.listen, orders.admin, writing) if fd is not None]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        # -P: a folder `gateway` or `plugins` where the operator stands is not ours.
        [sys.executable, "-P", "-m", module, *name.split()],
        stdin=subprocess.PIPE,
        pass_fds=inherited,
        env=environ,
        process_group=0,
    )
    os.close(writing)
    orders = _told(process, msgspec.structs.replace(orders, reports=writing))
    return Child(name, orders, reading, process)


def _told(process: "subprocess.Popen[bytes]", orders: Orders) -> Orders:
    if process.stdin is not None:
        try:
            process.stdin.write(written(orders))
            process.stdin.flush()
        except BrokenPipeError:
            # It ended before it could listen; the supervisor finds out in a moment.
            pass
    return orders
