"""One gateway and one upstream for all tests of a file, on the file's event loop."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.builders.stage import RecordingStage, recording_stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[RecordingStage]:
    """A gateway before an upstream that records requests and answers as each test says."""
    async with recording_stage() as stage:
        yield stage
