"""The process of the office: `python -m gateway.processes.office office`, told the rest by its supervisor."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry

from gateway.metrics import Metrics
from gateway.office.app import Office
from gateway.processes.fate import run
from gateway.processes.orders import Orders
from gateway.processes.reports import Reports
from gateway.serving import Serving

NICENESS = 10
SECONDS_TO_DRAIN = 5


class OfficeServer(Serving):
    """Serves the office on its unix socket."""

    def __init__(self, office: Office, started: Callable[[], None] = lambda: None, *, signals: bool = True) -> None:
        super().__init__(configured(office), started, signals=signals)
        self._office = office

    async def begin(self) -> None:
        """Starts the office. Errors: LoadError."""
        await self._office.start()

    async def end(self) -> None:
        """Stops the office."""
        await self._office.stop()


def configured(office: Office) -> uvicorn.Config:
    """Gives uvicorn's configuration for an office."""
    return uvicorn.Config(
        office.app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # The workers' connections are their pools': the address that counts stands in X-Forwarded-For.
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_DRAIN,
    )


def bound(path: Path) -> socket.socket:
    """Gives a socket at `path` that nobody but this user can open."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    return listener


async def serve(orders: Orders, reports: Reports) -> None:
    """Serves until told to stop, and yields to the workers. Errors: DocumentError, LoadError."""
    os.nice(NICENESS)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    if orders.restarts:
        metrics.restarted("office")
    office = Office(orders.settings(os.environ), os.environ, registry, metrics.fault, Path(orders.accepted))
    await OfficeServer(office, reports.ready).serve([bound(Path(orders.office))])


if __name__ == "__main__":
    sys.exit(run(serve))
