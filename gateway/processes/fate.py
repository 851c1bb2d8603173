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

_OURS = ("gateway", "plugins", "identity", "policies", "storage")
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def run(serve: Callable[[Orders, Reports], Coroutine[Any, Any, None]]) -> int:
    """Runs a child until it is told to stop; gives its exit status."""
    orders = read(sys.stdin.buffer)
    hold_on_to(sys.stdin.buffer)
    reports = Reports(orders.reports)
    _log_from((os.environ.get("LUKHAS_LOG_LEVEL") or "warning").upper())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(orders, reports))
    except (DocumentError, LoadError, JournalError, OSError) as error:
        reports.fault(str(error))
        return 1
    return 0


def _log_from(level: str) -> None:
    """Logs from `level` on; foreign packages from `info` on, since at `debug` some log credentials and messages."""
    logging.basicConfig(level=level, format=_FORMAT)
    root = logging.getLogger()
    if root.level < logging.INFO:
        root.setLevel(logging.INFO)
        for name in _OURS:
            logging.getLogger(name).setLevel(level)
