"""The webhook: a real server hears of many incidents, once an hour, and what goes wrong holds nothing up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
import trustme

from gateway.office.incidents.webhook import WebhookCalls, text_of
from policies.tightening import Webhook, WebhookRule
from storage.blocked_calls import BlockedCalls, BlockedCount
from storage.warehouse import Warehouse
from tests.builders.segments import Writer, moment
from tests.builders.tls import server_context

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = ("127.0.0.0/8", "::1/128")


class Chat:
    """A chat service: what it heard, and the status that it answers with."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status = 200
        self.url = ""


@contextmanager
def listening(authority: trustme.CA) -> Iterator[Chat]:
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            chat.heard.append(msgspec.json.decode(body))
            chat.paths.append(self.path)
            self.send_response(chat.status)
            self.send_header("location", f"{chat.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = server_context(authority, "localhost").wrap_socket(server.socket, server_side=True)
        chat.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield chat
        finally:
            server.shutdown()
            thread.join()


class Calling:
    """The webhook of an office with a clock that tests set."""

    def __init__(self, data: Path, chat: Chat, authority: trustme.CA) -> None:
        self.now = NOON
        self.chat = chat
        self.environ = {"CHAT": f"{chat.url}/services/secret?a=b"}
        self.webhook = Webhook(("localhost",), HERE, (WebhookRule("crowd", 2, url_variable="CHAT"),))
        self.warehouse = Warehouse(data)
        self.warehouse.open()
        self._ca_file = data / "authority.pem"
        authority.cert_pem.write_to_path(str(self._ca_file))
        self._writer = Writer(data)
        self._writer.segment()
        self._log = Writer(data, "office")
        self._log.segment()
        self.calls = self.begun()

    def begun(self) -> WebhookCalls:
        """That of an office that has just been started."""
        return WebhookCalls(
            lambda: self.webhook,
            BlockedCalls(self.warehouse),
            lambda event: self._log.append(msgspec.json.decode(event)),
            self.environ,
            self._ca_file,
            now=lambda: self.now,
        )

    def blocked(self, times: int, tool: str = "browser") -> None:
        for _ in range(times):
            line = {"event": "incident", "audit_id": "A-1", "at": moment(0, self.now), "caller": "p-1", "tool": tool}
            self._writer.append(line)

    def look(self) -> int:
        """Looks once; gives how often the chat service was told in all."""
        self.warehouse.catch_up()
        assert self.calls.run() is False
        return len(self.chat.heard)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def calling(tmp_path: Path, authority: trustme.CA) -> Iterator[Calling]:
    with listening(authority) as chat:
        calling = Calling(tmp_path, chat, authority)
        yield calling
        calling.warehouse.close()


def test_above_the_threshold_somebody_is_told_once_an_hour(calling: Calling) -> None:
    calling.blocked(2)
    assert calling.look() == 0
    calling.blocked(1)
    assert calling.look() == 1
    assert calling.chat.paths == ["/services/secret?a=b"]
    assert calling.chat.heard[0]["text"].startswith("LUKHAS: 3 calls of tools were blocked within an hour")
    calling.blocked(9)
    assert calling.look() == 1
    calling.now += timedelta(minutes=59)
    calling.blocked(9)
    assert calling.look() == 1
    calling.now += timedelta(minutes=1)
    assert calling.look() == 2


def test_a_restart_tells_nobody_again(calling: Calling) -> None:
    calling.blocked(3)
    calling.look()
    calling.warehouse.catch_up()
    calling.calls = calling.begun()
    assert calling.look() == 1


def test_what_was_blocked_more_than_an_hour_ago_counts_no_more(calling: Calling) -> None:
    calling.blocked(2)
    calling.now += timedelta(minutes=61)
    calling.blocked(1)
    assert calling.look() == 0


def test_each_rule_counts_its_own_tools(calling: Calling) -> None:
    rules = (
        WebhookRule("pages", 2, url_variable="CHAT", tools=("open_*",)),
        WebhookRule("any", 4, url_variable="CHAT"),
    )
    calling.webhook = Webhook(("localhost",), HERE, rules)
    calling.blocked(3, "open_url")
    assert calling.look() == 1
    calling.blocked(2, "shell")
    assert calling.look() == 2
    assert "rule any" in calling.chat.heard[1]["text"]


def test_what_is_not_taken_is_sent_again_later_and_less_and_less_often(calling: Calling) -> None:
    calling.chat.status = 500
    calling.blocked(3)
    assert [calling.look(), calling.look()] == [1, 1]
    calling.now += timedelta(seconds=30)
    assert calling.look() == 2
    calling.now += timedelta(seconds=30)
    assert calling.look() == 2
    calling.now += timedelta(seconds=30)
    calling.chat.status = 200
    assert [calling.look(), calling.look()] == [3, 3]


def test_it_follows_to_no_other_address(calling: Calling) -> None:
    calling.chat.status = 307
    calling.blocked(3)
    assert calling.look() == 1
    assert calling.chat.paths == ["/services/secret?a=b"]


@pytest.mark.parametrize(
    "address",
    ["", "http://localhost:1/x", "https://elsewhere.example/x", "https://user@localhost/x", "https://[x", "ftp:x"],
)
def test_an_address_that_may_not_be_is_not_called_and_not_repeated(
    calling: Calling, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    calling.environ["CHAT"] = address
    calling.blocked(3)
    assert calling.look() == 0
    assert "nobody could be told" in caplog.text
    assert not address or address not in caplog.text


@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)], ids=["the internet alone", "another network"])
def test_a_host_in_a_network_that_is_not_named_is_told_nothing(
    calling: Calling, networks: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    calling.webhook = msgspec.structs.replace(calling.webhook, networks=networks)
    calling.blocked(3)
    assert calling.look() == 0
    assert "localhost is at an address that may not be reached from here" in caplog.text


def test_nobody_there_is_no_error(calling: Calling) -> None:
    calling.environ["CHAT"] = "https://localhost:1/x"
    calling.blocked(3)
    assert calling.look() == 0


def test_a_server_that_nobody_vouches_for_is_told_nothing(calling: Calling) -> None:
    calling.calls = WebhookCalls(
        lambda: calling.webhook,
        BlockedCalls(calling.warehouse),
        lambda _: None,
        calling.environ,
        now=lambda: calling.now,
    )
    calling.blocked(3)
    assert calling.look() == 0


def test_the_name_of_a_tool_is_no_link_and_no_mention() -> None:
    counted = [BlockedCount("<!channel|x> *b* <https://x.example>", 3, 1, "A-1")]
    text = text_of(WebhookRule("crowd", 2, url="https://x.example"), counted)
    assert not set("<>|*@&/") & set(text.replace("/tools/incidents", ""))


def test_many_tools_are_told_as_a_number() -> None:
    counted = [BlockedCount(f"tool_{number}", 1, 1, None) for number in range(8)]
    assert "tool_4 1 and 3 other tools." in text_of(WebhookRule("crowd", 2), counted)
