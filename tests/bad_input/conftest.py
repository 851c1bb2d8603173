"""One gateway for all tests of a file, and after each test the proof that it still serves."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.bad_input.limits import LIMITS
from tests.builders.raw_client import a_request
from tests.builders.stage import RecordingStage, recording_stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[RecordingStage]:
    """A gateway with low limits before an upstream that records requests."""
    async with recording_stage(server=LIMITS) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(running: RecordingStage) -> AsyncIterator[RecordingStage]:
    """The gateway of the file; when a test is over the next ordinary request has to be answered, and counted once."""
    yield running
    before = len(running.script.requests)
    came = await running.sent(a_request(body=b'{"model":"gpt-4o","messages":[]}'))
    assert came.line == b"POST /v1/chat/completions HTTP/1.1"
    assert len(running.script.requests) == before + 1
