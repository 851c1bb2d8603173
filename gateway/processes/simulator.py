"""The process of the simulated model server: `python -m gateway.processes.simulator simulator`."""

import os
import sys

from gateway.processes.lifeline import hold_on_to
from gateway.processes.orders import read
from gateway.processes.reports import READY
from gateway.simulator import run


def main() -> int:
    """Takes the orders from standard input, and serves until told to stop."""
    orders = read(sys.stdin.buffer)
    hold_on_to(sys.stdin.buffer)
    # Requests wait in the socket's queue from the moment that it was made.
    os.write(orders.reports, READY + b"\n")
    run("", 0, orders.listen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
