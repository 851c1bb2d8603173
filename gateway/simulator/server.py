"""Serves the simulator on a port of its own: `lukhas simulate`."""

import signal
import socket
from types import FrameType

import uvicorn

from gateway.simulator.app import create_app

LARGEST_FRAME = 64 * 1024 * 1024
SECONDS_TO_STOP = 3


def run(host: str, port: int, fd: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, on `host` and `port` or on the bound socket `fd`. Raises OSError."""
    listener = _bound(host, port) if fd is None else socket.socket(fileno=fd)
    config = uvicorn.Config(
        create_app(),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=LARGEST_FRAME,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        # uvicorn calls each reply that `!cut` breaks an error; the simulator logs its own faults.
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
    )
    server = uvicorn.Server(config)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it has stopped; with its default action that would be a crash.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listener])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
