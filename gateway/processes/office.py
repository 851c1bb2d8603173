"""The process of the office: `python -m gateway.processes.office office`, told the rest by its supervisor."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from gateway.metrics import Metrics
from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound
from gateway.office_fault import OfficeFault
from gateway.processes.fate import run
from gateway.processes.orders import Orders
from gateway.processes.reports import Reports
from gateway.processes.run_folder import office_fault_of, operator_of

NICENESS = 10
MOST_MEMORY = 3 << 30
"""Bytes of data: a question that asks for more fails, and the machine is not taken from the workers."""


async def serve(orders: Orders, reports: Reports) -> None:
    """Serves until told to stop, and yields to the workers. Errors: DocumentError, LoadError."""
    # Before there are threads: on Linux niceness is a thread's own, and those that come later inherit it.
    os.nice(NICENESS)
    metrics = Metrics()
    if orders.restarts:
        metrics.restarted("office")
    bound_memory()
    path = Path(orders.office)
    fault = OfficeFault(office_fault_of(path))
    fault.tell(None)
    settings = orders.settings(os.environ)
    accepted = Path(orders.accepted)
    office = Office(
        settings,
        os.environ,
        metrics.fault,
        accepted,
        metrics.registry,
        tell=fault.tell,
        stuck=end,
        tightened=metrics.tightened,
    )
    await OfficeServer(office, reports.ready, operator=bound(operator_of(path))).serve([bound(path)])


def end() -> None:
    """Ends this process at once: a question runs on in a thread of it that nothing else stops."""
    sys.stderr.write("A question in SQL could not be stopped; the office is started again.\n")
    sys.stderr.flush()
    os._exit(os.EX_SOFTWARE)


def bound_memory() -> None:
    """Bounds the memory of this process, where the system can."""
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, hard))


if __name__ == "__main__":
    sys.exit(run(serve))
