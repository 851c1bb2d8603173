"""Runs a gateway as a process of its own, so that its memory can be measured and its end be seen.

python -m tests.builders.gateway_process UPSTREAM DATA FD
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.app import Gateway
from gateway.settings import Loaded
from gateway.worker import Worker
from tests.builders.gateway import gateway_settings


class GatewayProcess:
    """A gateway that answers at `url`."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._process = process

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def peak_bytes(self) -> int:
        """The most memory that the process ever had resident (Linux)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        peak = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert peak is not None
        return int(peak[1]) * 1024


@contextmanager
def gateway_process(upstream: str, data: Path) -> Iterator[GatewayProcess]:
    """Runs a gateway before `upstream` (without /v1) until the end of the `with`, and waits until it has ended well."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", __name__, upstream, str(data), str(listener.fileno())]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
    try:
        yield GatewayProcess(url, process)
    finally:
        process.terminate()
        code = process.wait(30)
    assert code in (0, -15), f"The gateway ended with {code}."


def main(upstream: str, data: str, fd: int) -> None:
    """Serves on the bound socket `fd` until SIGTERM."""
    worker = Worker(Gateway(Loaded(gateway_settings(upstream, data), None), "worker-0", os.environ))
    worker.run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
