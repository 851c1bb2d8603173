"""The process of the office: `python -m gateway.processes.office office`, told the rest by its supervisor."""

import os
import sys
from pathlib import Path

from gateway.metrics import Metrics
from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound
from gateway.processes.fate import run
from gateway.processes.orders import Orders
from gateway.processes.reports import Reports

NICENESS = 10


async def serve(orders: Orders, reports: Reports) -> None:
    """Serves until told to stop, and yields to the workers. Errors: DocumentError, LoadError."""
    metrics = Metrics()
    if orders.restarts:
        metrics.restarted("office")
    office = Office(orders.settings(os.environ), os.environ, metrics.fault, Path(orders.accepted), metrics.registry)

    def ready() -> None:
        # Not before: while it starts, its paths answer 503.
        os.nice(NICENESS)
        reports.ready()

    await OfficeServer(office, ready).serve([bound(Path(orders.office))])


if __name__ == "__main__":
    sys.exit(run(serve))
