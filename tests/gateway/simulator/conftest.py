"""A simulator on a real port, and clients that ask it."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

from gateway.simulator import create_app
from tests.builders.servers import run_server

SERVE = "import sys; from gateway.simulator import run; run('127.0.0.1', 0, int(sys.argv[1]))"


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    """The base URL of a simulator, without /v1."""
    with run_server(create_app()) as url:
        yield url


@pytest.fixture
def client(simulator: str) -> Iterator[OpenAI]:
    """The official SDK; it refuses answers that do not fit its types."""
    with OpenAI(
        base_url=f"{simulator}/v1", api_key="sk-any", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def lenient(simulator: str) -> Iterator[OpenAI]:
    """The SDK as it is used, for what its own types forbid: base64 vectors, the open end of a completion's chunk."""
    with OpenAI(base_url=f"{simulator}/v1", api_key="sk-any", max_retries=0) as client:
        yield client


@pytest.fixture
def http(simulator: str) -> Iterator[httpx.Client]:
    """Plain HTTP with a key."""
    with httpx.Client(base_url=simulator, headers={"authorization": "Bearer sk-any"}) as http:
        yield http


@pytest.fixture
def process() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A simulator in a process of its own, and its base URL; the first request waits until it serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        command = [sys.executable, "-c", SERVE, str(fd)]
        with subprocess.Popen(command, pass_fds=[fd], stderr=subprocess.PIPE) as process:
            try:
                yield process, f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                process.kill()
