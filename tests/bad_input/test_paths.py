"""A known endpoint under another spelling is refused, since its rules would not be asked; it is never sent on."""

import pytest

from tests.builders.raw_client import RawReply, a_request
from tests.builders.stage import RecordingStage, recording_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAT = (
    b"/v1/chat%2Fcompletions",
    b"/v1/chat%2fcompletions",
    b"/v1/chat%252Fcompletions",
    b"/v1/chat%25252Fcompletions",
    b"/v1/chat\\completions",
    b"/v1/chat%5Ccompletions",
    b"/v1/chat/%63ompletions",
    b"/v1/chat/completion%73",
    b"/v1/Chat/Completions",
    b"/v1/chat/COMPLETIONS",
    b"/v1//chat/completions",
    b"/v1/chat//completions",
    b"/v1/./chat/completions",
    b"/v1/chat/./completions",
    b"/v1/chat/../chat/completions",
    b"/v1/models/../chat/completions",
    b"/v1/x/%2e%2e/chat/completions",
    b"/v1/x/..%2Fchat/completions",
    b"/v1/v1/chat/completions",
    b"/v1/chat/completions/",
    b"/v1/chat/completions//",
    b"/v1/chat/completions/.",
    b"/v1/chat/completions;a=b",
    b"/v1/chat;a=b/completions",
    b"/v1/chat/completions%3Fa=b",
    b"/v1/chat/completions%23a",
    b"/v1/chat/completions%00",
    b"/v1/chat/completions%20",
    b"/v1/chat/completions%0a",
    b"/v1/chat/completions#a",
    b"/v1/%EF%BD%83hat/completions/../../chat/completions",
)
OUTSIDE = (b"/V1/chat/completions", b"//v1/chat/completions", b"/./v1/chat/completions", b"/x/../v1/chat/completions")


async def refused(stage: RecordingStage, line: bytes) -> RawReply:
    count = len(stage.script.requests)
    came = await stage.ask(a_request(line, body=b'{"model":"gpt-4o"}'))
    assert len(stage.script.requests) == count
    assert came.error["type"] == "invalid_request_error"
    return came


@pytest.mark.parametrize("path", CHAT)
async def test_a_disguised_endpoint_is_400(stage: RecordingStage, path: bytes) -> None:
    came = await refused(stage, b"POST " + path)
    assert (came.status, came.error["code"]) == (400, "non_canonical_path")
    assert "/v1/chat/completions" in str(came.error["message"])
    assert came.audit_id


@pytest.mark.parametrize("line", [b"GET /v1/models/", b"DELETE /v1/files//file-1", b"POST /v1/responses/../files"])
async def test_every_endpoint_is_guarded_so(stage: RecordingStage, line: bytes) -> None:
    assert (await refused(stage, line)).status == 400


@pytest.mark.parametrize("path", OUTSIDE)
async def test_a_disguised_v1_is_not_there(stage: RecordingStage, path: bytes) -> None:
    came = await refused(stage, b"POST " + path)
    assert (came.status, came.error["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path", [b"/chat%2Fcompletions", b"/Chat/completions", b"/chat/completions/", b"//chat/completions"]
)
async def test_a_disguised_bare_path_is_not_carried(path: bytes) -> None:
    async with recording_stage(server={"bare_paths": True}) as stage:
        assert (await refused(stage, b"POST " + path)).status in (400, 404)


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/models/org%2Fmodel",
        b"/v1/models/..a",
        b"/v1/files/file-1/content?a=/../b//c%2Fd",
        b"/v1/unheard%2Fof//it/../x",
        b"/v1/models/caf%C3%A9",
        b"/v1/models/%ff",
    ],
)
async def test_what_hides_no_known_endpoint_passes_as_it_came(stage: RecordingStage, target: bytes) -> None:
    came = await stage.sent(a_request(b"GET " + target))
    assert came.line == b"GET " + target + b" HTTP/1.1"
