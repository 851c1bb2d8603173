"""The simulator as a process."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

CODE = "import sys; from gateway.simulator import run; run('127.0.0.1', int(sys.argv[1]), int(sys.argv[2]) or None)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_an_open_socket_and_stops_cleanly(number):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, fd = listener.getsockname()[1], listener.fileno()
        process = subprocess.Popen([sys.executable, "-c", CODE, "0", str(fd)], pass_fds=[fd], stderr=subprocess.PIPE)
        try:
            # The socket listens already: the request waits until the process serves.
            assert httpx.get(f"http://127.0.0.1:{port}/_stats", timeout=20).status_code == 200
            process.send_signal(number)
            assert process.wait(5) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()
            process.communicate()


def test_a_stream_that_still_goes_does_not_keep_it_from_stopping():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, fd = listener.getsockname()[1], listener.fileno()
        process = subprocess.Popen([sys.executable, "-c", CODE, "0", str(fd)], pass_fds=[fd])
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "!chunks 3 pace=60000"}]}
        try:
            url, key = f"http://127.0.0.1:{port}/v1/chat/completions", {"authorization": "Bearer k"}
            with httpx.stream("POST", url, json=body, headers=key, timeout=20) as reply:
                next(reply.iter_bytes())
                start = time.monotonic()
                process.terminate()
                assert process.wait(8) == 0
                assert time.monotonic() - start < 6
        finally:
            process.kill()
            process.wait()


def test_a_taken_port_is_an_error_of_the_system():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", CODE, str(listener.getsockname()[1]), "0"]
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    assert done.returncode == 1
    assert b"Address already in use" in done.stderr
