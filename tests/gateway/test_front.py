"""Who answers a request: the pipeline, a page, the office, or a refusal."""

import asyncio
from pathlib import Path

import pytest

from gateway.client import Client
from gateway.front import AdminFront, Front, not_here
from tests.builders.fake_client import CHAT, FakeClient
from tests.builders.fake_transport import FakeTransport, a_chat_reply
from tests.builders.pipelines import ENDPOINTS, Passages


async def office(client: Client) -> None:
    client.respond(299, (), b"from the office")


def page() -> tuple[int, bytes, bytes]:
    return 200, b"text/plain", b"well"


class Answering:
    """A front, and what its upstream was asked."""

    def __init__(self, folder: Path, *, bare_paths: bool = False, max_concurrent: int = 10) -> None:
        self.transport = FakeTransport(*(a_chat_reply() for _ in range(4)))
        self.passages = Passages(folder, self.transport)
        self.front = Front(
            self.passages.pipeline,
            ENDPOINTS,
            {b"/healthz": page},
            office,
            bare_paths=bare_paths,
            max_concurrent=max_concurrent,
        )

    async def to(self, target: bytes, method: bytes = b"POST", body: bytes | None = CHAT) -> FakeClient:
        client = FakeClient(body, target, method)
        await self.front(client)
        return client

    @property
    def targets(self) -> list[bytes]:
        return [request.target for request in self.transport.requests]


@pytest.mark.parametrize(
    ("target", "method", "body"),
    [
        (b"/v1/chat/completions", b"POST", CHAT),
        (b"/v1/unheard/of?x=1", b"POST", CHAT),
        (b"/v1/models", b"GET", None),
        (b"/v1?x=1", b"GET", None),
        (b"/v1", b"GET", None),
    ],
)
async def test_the_model_api_goes_to_the_upstream(
    tmp_path: Path, target: bytes, method: bytes, body: bytes | None
) -> None:
    answering = Answering(tmp_path)
    assert (await answering.to(target, method, body)).status == 200
    assert answering.targets == [target]


@pytest.mark.parametrize(
    "target", [b"/v10/models", b"/V1/models", b"/v1x", b"/", b"//v1/models", b"/audit/A-1", b"/v%31/x"]
)
async def test_everything_else_goes_to_the_office(tmp_path: Path, target: bytes) -> None:
    answering = Answering(tmp_path)
    assert (await answering.to(target)).status == 299
    assert answering.targets == []


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_a_page_is_answered_here(tmp_path: Path, method: bytes) -> None:
    client = await Answering(tmp_path).to(b"/healthz?probe=1", method, None)
    assert (client.status, client.sent, client.header(b"content-type")) == (200, b"well", b"text/plain")


async def test_a_page_takes_no_other_method(tmp_path: Path) -> None:
    client = await Answering(tmp_path).to(b"/healthz", b"POST")
    assert (client.status, client.code, client.header(b"allow")) == (405, "method_not_allowed", b"GET, HEAD")


@pytest.mark.parametrize("target", [b"*", b"http://gateway.test/v1/models", b"example.test:443", b"?x"])
async def test_a_target_that_is_no_path_is_refused(tmp_path: Path, target: bytes) -> None:
    answering = Answering(tmp_path)
    assert (await answering.to(target)).code == "invalid_target"
    assert answering.targets == []


async def test_bare_paths_are_the_model_api_where_the_settings_say_so(tmp_path: Path) -> None:
    answering = Answering(tmp_path, bare_paths=True)
    assert (await answering.to(b"/chat/completions?x=1")).status == 200
    assert answering.targets == [b"/v1/chat/completions?x=1"]
    assert (await answering.to(b"/audit/A-1")).status == 299
    assert (await Answering(tmp_path / "2").to(b"/chat/completions")).status == 299


async def test_above_the_limit_a_request_is_turned_away_until_another_has_ended(tmp_path: Path) -> None:
    answering = Answering(tmp_path, max_concurrent=1)
    first = FakeClient([CHAT])
    task = asyncio.ensure_future(answering.front(first))
    await asyncio.sleep(0)
    assert answering.front.open == 1
    second = await answering.to(b"/v1/chat/completions")
    assert (second.status, second.code, second.header(b"retry-after")) == (503, "overloaded", b"1")
    await task
    assert (first.status, answering.front.open) == (200, 0)
    assert (await answering.to(b"/v1/chat/completions")).status == 200


async def test_an_exchange_that_is_cancelled_gives_its_place_back(tmp_path: Path) -> None:
    answering = Answering(tmp_path)
    task = asyncio.ensure_future(answering.front(FakeClient([CHAT])))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert answering.front.open == 0


@pytest.mark.parametrize(
    ("target", "status"),
    [(b"/healthz", 200), (b"/audit/A-1", 299), (b"/v1/models", 404), (b"/v1", 404), (b"*", 404)],
)
async def test_the_address_of_the_admins_serves_all_but_the_model_api(target: bytes, status: int) -> None:
    client = FakeClient(None, target, b"GET")
    await AdminFront({b"/healthz": page}, office)(client)
    assert client.status == status


async def test_where_nobody_is_the_answer_is_404() -> None:
    client = FakeClient(None, b"/nowhere", b"GET")
    await not_here(client)
    assert (client.status, client.code) == (404, "not_found")
