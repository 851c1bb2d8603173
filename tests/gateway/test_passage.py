"""Whatever happens to an exchange, it leaves one record and one ending towards the client."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway import Caller, Cut, Exchange, Nudge, Refusal, Route, Set, Signals, Target, Usage, hookimpl
from gateway.client import BodyTimeout
from gateway.pipeline import Sizes
from gateway.testing import a_caller
from gateway.transport import (
    ChunkTimeout,
    ConnectError,
    ConnectTimeout,
    FirstByteTimeout,
    PoolExhausted,
    ReplyTooLarge,
    TotalTimeout,
    TransportError,
    UpstreamBroken,
    UpstreamInvalid,
)
from storage.journal import Journal
from tests.builders.fake_client import CHAT, JSON, FakeClient, StallingClient
from tests.builders.fake_transport import FakeReply, FakeTransport, a_chat_reply, a_stream, chat_body, chat_events
from tests.builders.pipelines import KnowsAll, Passages

STREAMED = b'{"model":"gpt-4o-mini","messages":[],"stream":true}'
FORM: tuple[tuple[bytes, bytes], ...] = ((b"Content-Type", b"multipart/form-data; boundary=b"),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


class Refuses:
    """Refuses in one hook."""

    def __init__(self, hook: str) -> None:
        self._hook = hook

    def _answer(self, hook: str) -> Refusal | None:
        return Refusal("Not today.", code=f"no_{hook}", status=409) if hook == self._hook else None

    @hookimpl
    def admit(self) -> Refusal | None:
        return self._answer("admit")

    @hookimpl
    def judge(self) -> Refusal | None:
        return self._answer("judge")


class RefusesTheReply:
    @hookimpl
    def review(self) -> Refusal:
        return Refusal("Not this reply.", code="no_review", status=409)


class Cuts:
    @hookimpl
    def watch(self) -> Cut:
        return Cut("it says Hello")


class Nobody:
    @hookimpl
    def identify(self) -> None:
        return None


class Waits:
    """Waits for ever in one hook; `reached` says that it has begun."""

    def __init__(self, hook: str) -> None:
        self._hook = hook
        self.reached = asyncio.Event()

    async def _wait(self, hook: str) -> None:
        if hook == self._hook:
            self.reached.set()
            await asyncio.Event().wait()

    @hookimpl
    async def admit(self) -> None:
        await self._wait("admit")

    @hookimpl
    async def observe(self) -> None:
        await self._wait("observe")

    @hookimpl
    async def judge(self) -> None:
        await self._wait("judge")

    @hookimpl
    async def route(self) -> None:
        await self._wait("route")

    @hookimpl
    async def recall(self) -> None:
        await self._wait("recall")

    @hookimpl
    async def shape(self) -> None:
        await self._wait("shape")

    @hookimpl
    async def account(self) -> None:
        await self._wait("account")


class WaitsToIdentify:
    def __init__(self) -> None:
        self.reached = asyncio.Event()

    @hookimpl
    async def identify(self) -> Caller:
        self.reached.set()
        await asyncio.Event().wait()
        return a_caller()


class Routes:
    def __init__(self, *targets: Target, fall_back_on: tuple[int, ...] = ()) -> None:
        self._route = Route(targets, fall_back_on)

    @hookimpl
    def route(self) -> Route:
        return self._route


class Signs:
    """Leaves the model's name in the request that is shaped for it."""

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((Set((f"for {exchange.request.model}",), True),), because="a test")


class Counts:
    @hookimpl
    def account(self) -> Usage:
        return Usage(3, 4)


# Answered.


async def test_a_whole_reply_reaches_the_client_as_it_came(folder: Path) -> None:
    transport, client = FakeTransport(reply := a_chat_reply()), FakeClient()
    passages = Passages(folder, transport, Counts())
    await passages.carry(client)
    assert (client.status, client.sent, client.ending) == (200, chat_body(), "answered")
    assert transport.bodies == [CHAT]
    assert reply.closed == 1
    record = passages.record()
    assert (record["outcome"], record["status"], record["audit_id"]) == ("answered", 200, client.audit_id)
    assert (record["model"], record["model_used"], record["upstream_request_id"]) == (
        "gpt-4o-mini",
        "gpt-4o-mini-2024",
        "req_1",
    )
    assert record["usage"]["input_tokens"] == 3
    assert [attempt["status"] for attempt in record["attempts"]] == [200]


async def test_a_stream_reaches_the_client_as_it_came(folder: Path) -> None:
    client = FakeClient(STREAMED)
    passages = Passages(folder, FakeTransport(reply := a_stream()))
    await passages.carry(client)
    assert (client.status, client.pieces, client.ending) == (200, chat_events(), "finished")
    assert reply.closed == 1
    record = passages.record()
    assert (record["outcome"], record["streamed"], record["model_used"]) == ("answered", True, "gpt-4o-mini-2024")


async def test_the_upstreams_word_on_the_operators_key_is_not_the_callers_to_hear(folder: Path) -> None:
    client = FakeClient()
    told = b'{"error":{"message":"Incorrect API key provided: sk-opera***tor1"}}'
    reply = FakeReply(told, status=401, headers=JSON[:1])
    passages = Passages(folder, FakeTransport(reply))
    await passages.carry(client)
    assert (client.status, b"sk-opera" in client.sent) == (502, False)
    assert reply.closed
    record = passages.record()
    assert (record["outcome"], record["refusal"]["code"]) == ("upstream_error", "upstream_key_refused")


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_an_error_of_the_upstream_is_its_own_answer(folder: Path, status: int) -> None:
    client = FakeClient()
    reply = FakeReply(b'{"error":{}}', status=status, headers=(*JSON[:1], (b"Retry-After", b"3")), reason=b"As It Said")
    passages = Passages(folder, FakeTransport(reply))
    await passages.carry(client)
    assert (client.status, client.reason, client.sent) == (status, b"As It Said", b'{"error":{}}')
    assert client.header(b"retry-after") == b"3"
    record = passages.record()
    assert (record["outcome"], record["status"]) == ("answered", status)


@pytest.mark.parametrize("path", [b"/v1/files/file-1/content", b"/v1/unheard/of?x=1"])
async def test_a_binary_download_is_relayed_piece_by_piece(folder: Path, path: bytes) -> None:
    pieces = [b"\x00\x01", b"\xff" * 1000]
    client = FakeClient(None, path, b"GET")
    reply = FakeReply(*pieces, headers=((b"Content-Type", b"application/octet-stream"),), length=True)
    passages = Passages(folder, transport := FakeTransport(reply))
    await passages.carry(client)
    assert (client.pieces, client.announced, client.ending) == (pieces, 1002, "finished")
    assert transport.requests[0].target == path
    assert passages.record()["outcome"] == "answered"


# Refused.


@pytest.mark.parametrize("hook", ["admit", "judge"])
async def test_a_refusal_ends_the_exchange_before_anything_is_sent(folder: Path, hook: str) -> None:
    transport, client = FakeTransport(), FakeClient()
    passages = Passages(folder, transport, Refuses(hook))
    await passages.carry(client)
    assert (client.status, client.code, client.ending) == (409, f"no_{hook}", "answered")
    assert transport.requests == []
    record = passages.record()
    assert (record["outcome"], record["status"], record["refusal"]["code"]) == ("refused", 409, f"no_{hook}")
    assert record["trail"][-1]["hook"] == hook


class SlowDisk(Journal):
    """A journal that is synced when a test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "journal", "worker-0", durability="fsync")
        self.synced = asyncio.Event()

    async def durable(self) -> None:
        await self.synced.wait()
        await super().durable()


@pytest.mark.parametrize("plugins", [(Refuses("judge"),), ()], ids=["refused", "answered"])
async def test_with_fsync_nothing_goes_out_before_the_disk_has_the_record(
    folder: Path, plugins: tuple[object, ...]
) -> None:
    disk, client = SlowDisk(folder), FakeClient()
    passages = Passages(folder, FakeTransport(a_chat_reply()), *plugins, journal=disk)
    task = passages.begin(client)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (client.status, passages.record()["event"]) == (0, "ended")
    disk.synced.set()
    await task
    assert client.ending == "answered"


async def test_nobody_is_answered_with_401_before_the_body_is_read(folder: Path) -> None:
    client = FakeClient([AssertionError("the body was read")])
    passages = Passages(folder, identify=Nobody())
    await passages.carry(client)
    assert (client.status, client.code, client.header(b"www-authenticate")) == (401, "invalid_api_key", b"Bearer")
    assert passages.record()["outcome"] == "refused"


@pytest.mark.parametrize(("plugin", "status"), [(RefusesTheReply(), 409), (Cuts(), 403)])
async def test_a_refused_reply_does_not_reach_the_client(folder: Path, plugin: object, status: int) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(reply := a_chat_reply()), plugin, Counts())
    await passages.carry(client)
    assert (client.status, client.ending) == (status, "answered")
    assert b"Hello" not in client.sent
    assert reply.closed == 1
    record = passages.record()
    assert (record["outcome"], record["status"], record["usage"]["output_tokens"]) == ("refused", status, 4)


async def test_a_caller_without_an_upstream_key_is_told_what_is_missing(folder: Path) -> None:
    client = FakeClient()
    passages = Passages(folder, transport := FakeTransport(), api_key=None)
    await passages.carry(client)
    assert (client.status, client.code) == (503, "upstream_key_missing")
    assert transport.requests == []
    assert passages.record()["outcome"] == "refused"


async def test_a_disguised_path_is_refused_before_anybody_is_asked(folder: Path) -> None:
    client = FakeClient(target=b"/v1/chat%2Fcompletions")
    passages = Passages(folder, transport := FakeTransport())
    await passages.carry(client)
    assert (client.status, client.code) == (400, "non_canonical_path")
    assert transport.requests == []
    assert passages.record().get("trail", []) == []


@pytest.mark.parametrize(
    ("body", "status", "code"), [(b'{"model":', 400, "invalid_json"), (b'"%b"' % (b"x" * 2000), 413, "body_too_large")]
)
async def test_a_body_that_cannot_be_read_is_refused(folder: Path, body: bytes, status: int, code: str) -> None:
    client = FakeClient(body)
    passages = Passages(folder, sizes=Sizes(json_body=1000, body=1000))
    await passages.carry(client)
    assert (client.status, client.code) == (status, code)
    assert passages.record()["outcome"] == "refused"


async def test_a_streamed_body_that_grows_too_large_is_413(folder: Path) -> None:
    client = FakeClient([b"x" * 600, b"x" * 600], b"/v1/unheard/of", headers=JSON[1:])
    passages = Passages(folder, FakeTransport(), sizes=Sizes(json_body=1000, body=1000))
    await passages.carry(client)
    assert (client.status, client.code, client.closed_body) == (413, "body_too_large", True)
    assert passages.record()["attempts"][0]["error"] == "BodyTooLarge"


async def test_a_form_that_changes_its_model_behind_the_file_is_400(folder: Path) -> None:
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n',
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nother\r\n--b--\r\n',
    )
    client = FakeClient(parts, b"/v1/audio/transcriptions", headers=FORM)
    passages = Passages(folder, FakeTransport())
    await passages.carry(client)
    assert (client.status, client.code) == (400, "invalid_form")
    assert passages.record()["model"] == "whisper-1"


@pytest.mark.parametrize(
    ("target", "headers"),
    [(b"/v1/chat/completions", JSON), (b"/v1/unheard/of", JSON[1:])],
    ids=["read whole", "streamed through"],
)
async def test_a_body_that_stops_coming_is_408(
    folder: Path, target: bytes, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    client = FakeClient([b"{", BodyTimeout()], target, headers=headers)
    passages = Passages(folder, FakeTransport())
    await passages.carry(client)
    assert (client.status, client.code, client.ending) == (408, "body_timeout", "answered")
    assert passages.record()["outcome"] == "client_gone"


# The upstream in trouble.


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ConnectError("refused"), 502, "upstream_unreachable"),
        (ConnectTimeout("5 s"), 504, "upstream_connect_timeout"),
        (PoolExhausted("64"), 503, "upstream_busy"),
        (FirstByteTimeout("600 s"), 504, "upstream_timeout"),
        (ChunkTimeout("300 s"), 504, "upstream_silent"),
        (TotalTimeout("3600 s"), 504, "upstream_total_timeout"),
        (UpstreamBroken("reset"), 502, "upstream_broken"),
        (UpstreamInvalid("no status"), 502, "upstream_invalid"),
        (ReplyTooLarge("2 GiB"), 502, "upstream_reply_too_large"),
        (TransportError("else"), 502, "upstream_failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_trouble_with_the_upstream_is_an_error_with_its_code(
    folder: Path, error: TransportError, status: int, code: str
) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(error))
    await passages.carry(client)
    assert (client.status, client.code, client.ending) == (status, code, "answered")
    assert client.json["error"]["type"] == "upstream_error"
    assert str(error) not in client.sent.decode()
    record = passages.record()
    assert (record["outcome"], record["status"]) == ("upstream_error", status)
    assert record["error"] == f"{type(error).__name__}: {error}"
    assert [attempt["error"] for attempt in record["attempts"]] == [type(error).__name__]


async def test_a_whole_reply_that_breaks_off_is_502_and_not_half_a_reply(folder: Path) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(reply := FakeReply(b'{"id":', UpstreamBroken("reset"))))
    await passages.carry(client)
    assert (client.status, client.code) == (502, "upstream_broken")
    assert reply.closed == 1
    record = passages.record()
    assert (record["outcome"], record["attempts"][0]["status"]) == ("upstream_error", 200)


async def test_a_stream_that_breaks_off_ends_with_an_error_event_and_without_its_end(folder: Path) -> None:
    client = FakeClient(STREAMED)
    event = chat_events()[0]
    passages = Passages(folder, FakeTransport(reply := a_stream(event, b"data: {", ChunkTimeout("300 s"))), Counts())
    await passages.carry(client)
    assert client.ending == "aborted"
    assert client.pieces[0] == event
    assert client.pieces[1].startswith(b'data: {"error":{')
    assert b"upstream_silent" in client.pieces[1]
    assert len(client.pieces) == 2
    assert reply.closed == 1
    record = passages.record()
    assert (record["outcome"], record["status"], record["usage"]["input_tokens"]) == ("cut", 200, 3)
    assert record["error"] == "ChunkTimeout: 300 s"


async def test_a_download_that_breaks_off_is_never_ended_well(folder: Path) -> None:
    client = FakeClient(None, b"/v1/files/file-1/content", b"GET")
    reply = FakeReply(b"half", UpstreamBroken("reset"), headers=((b"Content-Type", b"audio/mpeg"),))
    passages = Passages(folder, FakeTransport(reply))
    await passages.carry(client)
    assert (client.sent, client.ending) == (b"half", "aborted")
    assert passages.record()["outcome"] == "cut"


# The client leaves, or the gateway stops.


async def left(passages: Passages, client: FakeClient, reached: asyncio.Event) -> None:
    task = passages.begin(client)
    async with asyncio.timeout(5):
        await reached.wait()
        client.leave()
        await asyncio.wait([task])
    assert not task.cancelled(), "a client that leaves is no surprise to the server"
    assert task.exception() is None


@pytest.mark.parametrize("hook", ["admit", "observe", "judge", "route", "recall", "shape"])
async def test_a_client_that_leaves_while_a_plugin_waits_is_recorded(folder: Path, hook: str) -> None:
    transport, client, plugin = FakeTransport(), FakeClient(), Waits(hook)
    passages = Passages(folder, transport, plugin)
    await left(passages, client, plugin.reached)
    assert (client.status, client.ending) == (0, "aborted")
    assert transport.requests == []
    assert passages.record()["outcome"] == "client_gone"


async def test_a_client_that_leaves_before_it_is_known_is_recorded(folder: Path) -> None:
    client, plugin = FakeClient(), WaitsToIdentify()
    passages = Passages(folder, identify=plugin)
    await left(passages, client, plugin.reached)
    record = passages.record()
    assert (record["outcome"], record["caller"]) == ("client_gone", None)


class SlowUpstream(FakeTransport):
    """Never answers; `reached` says that it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.cancelled = False

    async def send(self, request: Any) -> Any:
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_a_client_that_leaves_while_the_upstream_thinks_cancels_the_upstream(folder: Path) -> None:
    transport, client = SlowUpstream(), FakeClient()
    passages = Passages(folder, transport)
    await left(passages, client, transport.reached)
    assert transport.cancelled
    record = passages.record()
    assert (record["outcome"], record["attempts"][0]["error"]) == ("client_gone", "CancelledError")
    assert "status" not in record["attempts"][0]


class SlowReader(SlowUpstream):
    """Takes the first piece of the body, and no more."""

    async def send(self, request: Any) -> Any:
        async for _ in request.body:
            await super().send(request)


async def test_a_client_that_leaves_in_the_middle_of_its_upload_has_its_body_closed(folder: Path) -> None:
    transport, client = SlowReader(), FakeClient([b"a", b"b"], b"/v1/unheard/of", headers=JSON[1:])
    passages = Passages(folder, transport)
    await left(passages, client, transport.reached)
    assert (client.ending, client.closed_body) == ("aborted", True)
    assert passages.record()["outcome"] == "client_gone"


@pytest.mark.parametrize("pieces", [[], [chat_events()[0]]], ids=["before the first event", "behind the first event"])
async def test_a_client_that_leaves_in_the_middle_of_a_stream_is_recorded_with_what_came(
    folder: Path, pieces: list[bytes]
) -> None:
    reached = asyncio.Event()
    client = FakeClient(STREAMED)
    reply = a_stream(*pieces, reached.set, asyncio.Event())
    passages = Passages(folder, FakeTransport(reply), Counts())
    await left(passages, client, reached)
    assert (client.pieces, client.ending, reply.closed) == (pieces, "aborted", 1)
    record = passages.record()
    assert (record["outcome"], record["status"], record["usage"]["input_tokens"]) == ("client_gone", 200, 3)
    assert record["attempts"][0]["request_id"] == "req_2"


async def test_a_client_that_leaves_in_the_middle_of_a_whole_reply_is_recorded(folder: Path) -> None:
    reached, client = asyncio.Event(), FakeClient()
    reply = FakeReply(b"{", reached.set, asyncio.Event())
    passages = Passages(folder, FakeTransport(reply))
    await left(passages, client, reached)
    assert (client.status, client.ending, reply.closed) == (0, "aborted", 1)
    assert passages.record()["outcome"] == "client_gone"


async def test_a_client_that_leaves_while_the_tokens_are_counted_is_recorded_without_them(folder: Path) -> None:
    client, plugin = FakeClient(), Waits("account")
    passages = Passages(folder, FakeTransport(a_chat_reply()), plugin)
    await left(passages, client, plugin.reached)
    assert client.ending == "aborted"
    assert passages.record()["outcome"] == "client_gone"


async def test_a_client_that_does_not_read_is_given_up(folder: Path) -> None:
    client = StallingClient(STREAMED)
    passages = Passages(folder, FakeTransport(reply := a_stream()), Counts())
    await passages.carry(client)
    assert (client.pieces, client.ending, reply.closed) == (chat_events()[:1], "aborted", 1)
    record = passages.record()
    assert (record["outcome"], record["status"], record["usage"]["input_tokens"]) == ("client_gone", 200, 3)


@pytest.mark.parametrize("hook", ["judge", "shape", "account"])
async def test_an_exchange_that_the_stopping_gateway_cancels_is_recorded_as_stopped(folder: Path, hook: str) -> None:
    client, plugin = FakeClient(), Waits(hook)
    passages = Passages(folder, FakeTransport(a_chat_reply()), plugin)
    task = passages.begin(client)
    await plugin.reached.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert client.ending == "aborted"
    assert passages.record()["outcome"] == "stopped"


# Plugins that break.


class Breaks:
    """Raises in one hook."""

    def __init__(self, hook: str) -> None:
        self._hook = hook

    def _break(self, hook: str) -> None:
        if hook == self._hook:
            raise RuntimeError("out of order")

    @hookimpl
    def admit(self) -> None:
        self._break("admit")

    @hookimpl
    def observe(self) -> None:
        self._break("observe")

    @hookimpl
    def judge(self) -> None:
        self._break("judge")

    @hookimpl
    def route(self) -> None:
        self._break("route")

    @hookimpl
    def recall(self) -> None:
        self._break("recall")

    @hookimpl
    def shape(self) -> None:
        self._break("shape")

    @hookimpl
    def account(self) -> None:
        self._break("account")

    @hookimpl
    def record(self) -> None:
        self._break("record")


class BreaksBehindTheReply:
    def __init__(self, hook: str) -> None:
        self._hook = hook

    @hookimpl
    def watch(self) -> None:
        if self._hook == "watch":
            raise RuntimeError("out of order")

    @hookimpl
    def review(self) -> None:
        if self._hook == "review":
            raise RuntimeError("out of order")


class BreaksToIdentify:
    @hookimpl
    def identify(self) -> Caller:
        raise RuntimeError("out of order")


@pytest.mark.parametrize("hook", ["admit", "judge"])
async def test_a_broken_plugin_that_protects_refuses_the_request(folder: Path, hook: str) -> None:
    client = FakeClient()
    passages = Passages(folder, transport := FakeTransport(), Breaks(hook))
    await passages.carry(client)
    assert (client.status, client.code, transport.requests) == (503, "plugin_failed", [])
    assert passages.record()["trail"][-1]["fault"] == "raised: RuntimeError: out of order"
    assert passages.faults.seen == [("Breaks", hook, "raised")]


@pytest.mark.parametrize("hook", ["observe", "route", "recall", "shape", "account", "record"])
async def test_a_broken_plugin_that_serves_is_left_out_and_counted(folder: Path, hook: str) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(a_chat_reply()), Breaks(hook))
    await passages.carry(client)
    assert (client.status, client.sent) == (200, chat_body())
    assert passages.record()["outcome"] == "answered"
    assert passages.faults.seen == [("Breaks", hook, "raised")]


@pytest.mark.parametrize("hook", ["watch", "review"])
async def test_a_broken_plugin_that_reads_the_reply_withholds_it(folder: Path, hook: str) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(a_chat_reply()), BreaksBehindTheReply(hook))
    await passages.carry(client)
    assert (client.code, b"Hello" in client.sent) == ("plugin_failed", False)
    assert passages.record()["outcome"] == "refused"


async def test_a_broken_sign_in_lets_nobody_through(folder: Path) -> None:
    client = FakeClient()
    passages = Passages(folder, transport := FakeTransport(), identify=BreaksToIdentify())
    await passages.carry(client)
    assert (client.status, client.code, transport.requests) == (503, "plugin_failed", [])
    assert passages.record()["caller"] is None


class RoutesNowhere:
    @hookimpl
    def route(self) -> Route:
        return Route(())


class WeighsWithWords:
    @hookimpl
    def observe(self) -> Signals:
        return Signals({"stress": "high"})  # type: ignore[dict-item]


class AnswersTheUnwritable:
    @hookimpl
    def shape(self) -> Nudge:
        return Nudge((Set(("user",), object()),), because="\ud800")


class CountsBackwards:
    @hookimpl
    def account(self) -> Usage:
        return Usage(-1, 4)


class SwallowsItsEnd:
    """Waits on when it is told to end."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    @hookimpl
    async def account(self) -> None:
        try:
            self.reached.set()
            await asyncio.Event().wait()
        except BaseException:
            await asyncio.sleep(0)


@pytest.mark.parametrize("plugin", [RoutesNowhere(), WeighsWithWords(), AnswersTheUnwritable(), CountsBackwards()])
async def test_an_answer_that_cannot_be_used_changes_nothing(folder: Path, plugin: object) -> None:
    client = FakeClient()
    passages = Passages(folder, transport := FakeTransport(a_chat_reply()), plugin)
    await passages.carry(client)
    assert (client.status, transport.bodies) == (200, [CHAT])
    assert passages.record()["outcome"] == "answered"
    assert [kind for _, _, kind in passages.faults.seen] == ["wrong_type"]


async def test_a_plugin_that_does_not_end_cannot_keep_the_record_from_being_written(folder: Path) -> None:
    client, plugin = FakeClient(STREAMED), SwallowsItsEnd()
    reached = asyncio.Event()
    passages = Passages(folder, FakeTransport(a_stream(reached.set, asyncio.Event())), plugin)
    await left(passages, client, reached)
    assert client.ending == "aborted"
    assert passages.record()["outcome"] == "client_gone"


async def test_a_model_that_cannot_be_written_is_carried_and_recorded(folder: Path) -> None:
    body = b'{"model":"\\ud800","messages":[]}'
    client = FakeClient(body)
    passages = Passages(folder, transport := FakeTransport(a_chat_reply()))
    await passages.carry(client)
    assert (client.status, transport.bodies) == (200, [body])
    assert passages.record()["outcome"] == "answered"


async def test_a_refusal_that_cannot_be_written_is_still_answered(folder: Path) -> None:
    class Echoes:
        @hookimpl
        def judge(self) -> Refusal:
            return Refusal("Not \ud800.", code="no")

    client = FakeClient()
    passages = Passages(folder, FakeTransport(), Echoes())
    await passages.carry(client)
    assert (client.status, client.code) == (403, "no")
    assert passages.record()["outcome"] == "refused"


# The journal.


async def test_without_a_first_line_nothing_is_sent(folder: Path) -> None:
    client = FakeClient()
    passages = Passages(folder, transport := FakeTransport(a_chat_reply()))
    passages.journal.close()
    await passages.carry(client)
    assert (client.status, client.code, client.header(b"retry-after")) == (503, "journal_unavailable", b"5")
    assert transport.requests == []
    assert len(passages.seen.ended) == 1


async def test_where_the_operator_says_so_exchanges_pass_without_a_journal(folder: Path) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(a_chat_reply()), carry_on=True)
    passages.journal.close()
    await passages.carry(client)
    assert (client.status, client.sent) == (200, chat_body())
    assert passages.registry.get_sample_value("lukhas_journal_failures_total") == 2


async def test_without_a_last_line_a_whole_reply_does_not_go_out(folder: Path) -> None:
    client = FakeClient()
    transport = FakeTransport(a_chat_reply())
    passages = Passages(folder, transport)
    transport.asked = passages.journal.close
    await passages.carry(client)
    assert (client.status, client.code) == (503, "journal_unavailable")
    assert len(passages.seen.ended) == 1


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        (b"/v1/chat/completions", a_stream()),
        (b"/v1/x", FakeReply(b"ab", b"cd", headers=(), length=True)),
        (b"/v1/x", FakeReply(b"ab", b"cd", headers=())),
    ],
    ids=["a stream of events", "a known length", "an unknown length"],
)
async def test_without_a_last_line_a_stream_does_not_end_well(folder: Path, path: bytes, reply: FakeReply) -> None:
    client = FakeClient(STREAMED, path)
    transport = FakeTransport(reply)
    passages = Passages(folder, transport)
    transport.asked = passages.journal.close
    await passages.carry(client)
    assert (client.status, client.ending) == (200, "aborted")
    assert b"[DONE]" not in client.sent
    assert len(passages.seen.ended) == 1


# Where it goes.


async def test_nothing_sent_falls_back_to_the_next_target(folder: Path) -> None:
    first, second, client = FakeTransport(ConnectError("refused")), FakeTransport(a_chat_reply()), FakeClient()
    route = Routes(Target("first"), Target("second", "gpt-other"))
    passages = Passages(folder, {"first": first, "second": second}, route, Signs())
    await passages.carry(client)
    assert client.status == 200
    assert first.bodies == [CHAT.replace(b"}]}", b'}],"for gpt-4o-mini":true}')]
    assert second.bodies == [CHAT.replace(b"gpt-4o-mini", b"gpt-other").replace(b"}]}", b'}],"for gpt-other":true}')]
    record = passages.record()
    assert [(each["upstream"], each["model"], each.get("error")) for each in record["attempts"]] == [
        ("first", "gpt-4o-mini", "ConnectError"),
        ("second", "gpt-other", None),
    ]
    assert "error" not in record


async def test_what_was_sent_and_broke_is_not_sent_again(folder: Path) -> None:
    second, client = FakeTransport(a_chat_reply()), FakeClient()
    route = Routes(Target("first"), Target("second"))
    passages = Passages(folder, {"first": FakeTransport(UpstreamBroken("reset")), "second": second}, route)
    await passages.carry(client)
    assert (client.code, second.requests) == ("upstream_broken", [])
    assert len(passages.record()["attempts"]) == 1


async def test_a_status_of_the_route_falls_back_and_closes_the_reply(folder: Path) -> None:
    busy = FakeReply(b"{}", status=429)
    client = FakeClient()
    route = Routes(Target("first"), Target("second"), fall_back_on=(429,))
    passages = Passages(folder, {"first": FakeTransport(busy), "second": FakeTransport(a_chat_reply())}, route)
    await passages.carry(client)
    assert (client.status, busy.closed) == (200, 1)
    assert [attempt["status"] for attempt in passages.record()["attempts"]] == [429, 200]


async def test_a_status_that_the_route_does_not_name_is_the_answer(folder: Path) -> None:
    second, client = FakeTransport(a_chat_reply()), FakeClient()
    route = Routes(Target("first"), Target("second"), fall_back_on=(429,))
    passages = Passages(folder, {"first": FakeTransport(FakeReply(b"{}", status=500)), "second": second}, route)
    await passages.carry(client)
    assert (client.status, second.requests) == (500, [])
    assert len(passages.record()["attempts"]) == 1


async def test_the_last_target_answers_whatever_its_status_is(folder: Path) -> None:
    client = FakeClient()
    route = Routes(Target("first"), Target("first"), fall_back_on=(429,))
    transport = FakeTransport(FakeReply(b'"1"', status=429), FakeReply(b'"2"', status=429))
    passages = Passages(folder, {"first": transport}, route)
    await passages.carry(client)
    assert (client.status, client.sent) == (429, b'"2"')
    assert passages.record()["outcome"] == "answered"


async def test_when_no_target_can_be_reached_the_last_one_says_why(folder: Path) -> None:
    client = FakeClient()
    route = Routes(Target("first"), Target("first"))
    passages = Passages(folder, {"first": FakeTransport(ConnectError("1"), ConnectTimeout("2"))}, route)
    await passages.carry(client)
    assert (client.status, client.code) == (504, "upstream_connect_timeout")
    assert len(passages.record()["attempts"]) == 2


async def test_a_body_that_streamed_through_is_not_sent_again(folder: Path) -> None:
    second = FakeTransport(a_chat_reply())
    client = FakeClient([b"abc"], b"/v1/unheard/of", headers=JSON[1:])
    route = Routes(Target("first"), Target("second"), fall_back_on=(429,))
    first = FakeTransport(FakeReply(b"{}", status=429))
    passages = Passages(folder, {"first": first, "second": second}, route)
    await passages.carry(client)
    assert (client.status, first.bodies, second.requests) == (429, [b"abc"], [])
    assert passages.record()["outcome"] == "answered"


async def test_an_upstream_that_is_not_there_is_503(folder: Path) -> None:
    client = FakeClient()
    passages = Passages(folder, FakeTransport(), Routes(Target("elsewhere")))
    await passages.carry(client)
    assert (client.status, client.code) == (503, "no_upstream")
    assert passages.record()["outcome"] == "refused"


async def test_the_key_goes_with_who_pays(folder: Path) -> None:
    paying = KnowsAll(a_caller("T1", kind="passthrough", upstream_key="caller"))
    transport = FakeTransport(a_chat_reply(), a_chat_reply())
    passages = Passages(folder / "1", transport, identify=paying)
    await passages.carry(FakeClient())
    await Passages(folder / "2", transport).carry(FakeClient())
    sent = [value for request in transport.requests for name, value in request.headers if name == b"Authorization"]
    assert sent == [b"Bearer lk-test", b"Bearer sk-operator"]
