"""A simulator on a real port, and clients that ask it."""

from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

from gateway.simulator import create_app
from tests.builders.servers import run_server


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
