"""The process of one gateway worker: `python -m gateway.processes.worker worker 0`, told the rest by its supervisor."""

import os
import socket
import sys
from pathlib import Path

from gateway.app import Gateway
from gateway.forward import Forward
from gateway.office_fault import OfficeFault
from gateway.processes.fate import run
from gateway.processes.heap import settle
from gateway.processes.orders import Orders
from gateway.processes.reports import Reports
from gateway.processes.run_folder import office_fault_of
from gateway.worker import Worker


async def serve(orders: Orders, reports: Reports) -> None:
    """Serves until told to stop. Errors: DocumentError, LoadError, JournalError."""
    gateway, forward = gateway_of(orders)
    try:
        await worker_of(gateway, orders, reports).serve([listener(orders)])
    finally:
        await forward.close()


def gateway_of(orders: Orders) -> tuple[Gateway, Forward]:
    """Gives the gateway, and its way to the office. Errors: DocumentError, LoadError."""
    loaded = orders.settings(os.environ)
    office = Path(orders.office)
    forward = Forward(office, loaded.settings.server.max_body_bytes)
    told = OfficeFault(office_fault_of(office)).told
    gateway = Gateway(
        loaded,
        orders.writer,
        os.environ,
        forward,
        office_fault=lambda: forward.fault() or told(),
        accepted=Path(orders.accepted),
    )
    if orders.restarts:
        gateway.metrics.restarted("worker")
    return gateway, forward


def worker_of(gateway: Gateway, orders: Orders, reports: Reports) -> Worker:
    """Gives the server of a gateway."""
    admin = None if orders.admin is None else socket.socket(fileno=orders.admin)
    return Worker(gateway, lambda: ready_at_last(reports), admin)


def ready_at_last(reports: Reports) -> None:
    """Says that requests are answered, behind the last pause that the start is good for."""
    settle()
    reports.ready()


def listener(orders: Orders) -> socket.socket:
    """Gives the socket that the supervisor listens on for all workers."""
    return socket.socket(fileno=orders.listen)


if __name__ == "__main__":
    sys.exit(run(serve))
