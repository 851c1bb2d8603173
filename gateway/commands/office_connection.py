"""Finds the office of the gateway that serves a data folder, at the socket where the operator needs no key."""

import http.client
import socket
from pathlib import Path
from typing import Any

import msgspec

from gateway.processes.run_folder import operator_sockets

SECONDS = 60.0


def office_connection(data: Path) -> http.client.HTTPConnection | None:
    """Gives a connection to the office, None where no gateway serves the folder."""
    for path in operator_sockets(data):
        connection = UnixConnection(path)
        try:
            connection.connect()
        except OSError:
            # Left by a gateway that was killed.
            connection.close()
            continue
        return connection
    return None


def message_of(status: int, body: bytes) -> str:
    """Gives what the office says in place of an answer."""
    try:
        error: Any = msgspec.json.decode(body)["error"]
        return str(error["message"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return f"The office answered {status}."


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("office", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connects. Errors: OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))
