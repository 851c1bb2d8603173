"""One process that is worker and office: `python -m gateway.processes.both worker 0`, for tests."""

import asyncio
import os
import sys
from pathlib import Path

from gateway.office.app import Office
from gateway.office.server import OfficeServer, bound
from gateway.office_fault import OfficeFault
from gateway.processes.fate import run
from gateway.processes.orders import Orders
from gateway.processes.reports import Reports
from gateway.processes.run_folder import office_fault_of, operator_of
from gateway.processes.worker import gateway_of, listener, worker_of


async def serve(orders: Orders, reports: Reports) -> None:
    """Serves both until told to stop. Errors: DocumentError, LoadError, JournalError."""
    gateway, forward = gateway_of(orders)
    # Each plugin is here twice; its metrics are those of the worker's, the office's go nowhere.
    path = Path(orders.office)
    fault = OfficeFault(office_fault_of(path))
    fault.tell(None)
    settings, accepted = orders.settings(os.environ), Path(orders.accepted)
    office = Office(
        settings, os.environ, gateway.metrics.fault, accepted, tell=fault.tell, tightened=gateway.metrics.tightened
    )
    listening = asyncio.Event()
    server = OfficeServer(office, listening.set, signals=False, operator=bound(operator_of(path)))
    task = asyncio.create_task(server.serve([bound(path)]))
    waiting = asyncio.create_task(listening.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if listening.is_set():
            await worker_of(gateway, orders, reports).serve([listener(orders)])
    finally:
        await forward.close()
        server.should_exit = True
        await task


if __name__ == "__main__":
    sys.exit(run(serve))
