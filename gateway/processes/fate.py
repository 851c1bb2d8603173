"""How the process of a child runs: it takes its orders, serves, and tells what kept it from serving."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from gateway.loader import LoadError
from gateway.processes.lifeline import hold_on_to
from gateway.processes.orders import Orders, read
from gateway.processes.reports import Reports
from policies.document import DocumentError
from storage.journal_error import JournalError

_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def run(serve: Callable[[Orders, Reports], Coroutine[Any, Any, None]]) -> int:
    """Runs a child until it is told to stop; gives its exit status."""
    orders = read(sys.stdin.buffer)
    hold_on_to(sys.stdin.buffer)
    reports = Reports(orders.reports)
    logging.basicConfig(level=(os.environ.get("LUKHAS_LOG_LEVEL") or "warning").upper(), format=_FORMAT)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(orders, reports))
    except (DocumentError, LoadError, JournalError, OSError) as error:
        reports.fault(str(error))
        return 1
    return 0
