"""The process of one gateway worker: `python -m gateway.processes.worker worker 0`, told the rest by its supervisor."""

import os
import socket
import sys

from gateway.app import Gateway
from gateway.loader import LoadError
from gateway.processes.lifeline import hold_on_to
from gateway.processes.orders import Orders, read
from gateway.processes.reports import Reports
from gateway.worker import Worker
from policies.document import DocumentError
from storage.journal import JournalError


def run(orders: Orders, reports: Reports) -> int:
    """Serves until told to stop; gives the exit status."""
    try:
        gateway = Gateway(orders.settings(os.environ), orders.writer, os.environ)
        worker = Worker(gateway, started=reports.ready)
        worker.run([socket.socket(fileno=orders.listen)])
    except (DocumentError, LoadError, JournalError, OSError) as error:
        reports.fault(str(error))
        return 1
    return 0


def main() -> int:
    """Takes the orders from standard input."""
    orders = read(sys.stdin.buffer)
    hold_on_to(sys.stdin.buffer)
    return run(orders, Reports(orders.reports))


if __name__ == "__main__":
    sys.exit(main())
