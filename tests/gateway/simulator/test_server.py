"""The simulator as a process."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

TAKE = "import sys; from gateway.simulator import run; run('127.0.0.1', int(sys.argv[1]))"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_an_open_socket_and_stops_cleanly(process, number):
    server, url = process
    assert httpx.get(f"{url}/_stats", timeout=20).status_code == 200
    server.send_signal(number)
    assert server.wait(5) == 0
    assert server.stderr.read() == b""


def test_a_stream_that_still_goes_does_not_keep_it_from_stopping(process):
    server, url = process
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "!chunks 3 pace=60000"}]}
    key = {"authorization": "Bearer k"}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, headers=key, timeout=20) as reply:
        received = reply.iter_bytes()
        next(received)
        start = time.monotonic()
        server.terminate()
        assert server.wait(8) == 0
        assert time.monotonic() - start < 6


def test_a_taken_port_is_an_error_of_the_system():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", TAKE, str(listener.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    assert done.returncode == 1
    assert b"Address already in use" in done.stderr
