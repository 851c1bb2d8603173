"""Starts a server as a process of its own, waits until it listens, and stops it with its children."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NODE = Path(__file__).parent / "node"
START_SECONDS = 60
STOP_SECONDS = 15


class NotListening(Exception):
    """A server ended, or did not listen in time; says what it wrote."""


@contextmanager
def mock_server(document: Path, folder: Path) -> Iterator[str]:
    """Runs steady on an OpenAPI document: a mock that nobody here wrote. Gives its address; it serves no `/v1`.

    It checks requests and is told the formats that OpenAI's SDKs write lists and objects in.
    """
    formats = [
        f"--validator-{place}-{kind}-format=brackets" for place in ("query", "form") for kind in ("array", "object")
    ]
    steady = [str(NODE / "node_modules/.bin/steady"), "--quiet", "--host", "127.0.0.1", *formats]
    port = _free_port()
    with _listening([*steady, "--port", str(port), str(document)], port, folder / "mock.log", _environment()):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def gateway(upstream: str, folder: Path, *arguments: str) -> Iterator[str]:
    """Runs `lukhas serve` before an upstream. Gives its address with `/v1`."""
    port = _free_port()
    lukhas = [
        str(Path(sys.executable).with_name("lukhas")),
        "serve",
        "--port",
        str(port),
        "--data",
        str(folder / "data"),
    ]
    with _listening([*lukhas, "--upstream", upstream, *arguments], port, folder / "gateway.log", _environment()):
        yield f"http://127.0.0.1:{port}/v1"


def node_environment(**more: str) -> dict[str, str]:
    """The environment of a Node program: the locked Node comes first."""
    return _environment() | more


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LUKHAS_", "OPENAI_", "FLAG_"))}
    locked_node = map(str, NODE.glob("node_modules/node-*/bin"))
    return ours | {"PATH": os.pathsep.join((*locked_node, ours.get("PATH", os.defpath)))}


@contextmanager
def _listening(command: Sequence[str], port: int, log: Path, environment: dict[str, str]) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_until_listening(process, port, log)
        yield
    finally:
        _stop(process)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise NotListening(f"{process.args!r} does not listen. It wrote:\n{log.read_text(errors='replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the process to end; whoever of its session is left then is killed."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
