"""`lukhas simulate` serves the simulator and says where."""

import signal
import socket
import subprocess
from pathlib import Path

import httpx

from tests.builders.served import LUKHAS, lukhas, surroundings


def test_the_simulator_answers_where_it_says_and_stops_when_told(tmp_path: Path) -> None:
    command = [LUKHAS, "simulate", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=surroundings()) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[4]
        reply = httpx.get(f"{url}/models", headers={"authorization": "Bearer sk-any"})
        process.send_signal(signal.SIGTERM)
        assert reply.status_code == 200
        assert process.wait(10) == 0


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = lukhas("simulate", "--port", port, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"Port {port} on 127.0.0.1 is taken; choose another with --port.\n")
