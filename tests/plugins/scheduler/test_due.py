import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gateway.tools.addresses import is_public
from gateway.tools.pinned import PinnedWeb
from gateway.tools.web_address import WebAddress
from identity.keyring import Keyring
from plugins.scheduler.due import AT_ONCE, MOST_ATTEMPTS, PATIENCE, Teller, pause
from plugins.scheduler.signature import signed_headers
from storage.state.notes import TaskNote, task_with_note
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from tests.builders.internet import only

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = bytes(range(32))
LOOPBACK = only("127.0.0.1")


@dataclass
class Receiver:
    """A webhook's receiver: what came, and how it answers."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for _, body in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback; it says 204 once it has said its statuses."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = found.statuses.pop(0) if found.statuses else 204
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Kept:
    """The state and the people of a data folder, and the time."""

    state: State
    people: Keyring
    now: datetime = NOW

    def add(self, id: str, principal: str = "key:ada", due: datetime = NOW, note: str = "call Bob") -> None:
        person = self.people.person(principal)
        task = task_with_note(id, person.pseudonym, person.key, TaskNote(note, due), NOW, bytes(12))
        self.state.tasks.add(task)

    def states(self, principal: str = "key:ada") -> dict[str, str]:
        return {task.id: task.state for task in self.state.tasks.of(self.people.person(principal).pseudonym)}

    def teller(self, url: str, may_reach: Callable[[str], bool] = LOOPBACK) -> Teller:
        web = PinnedWeb(may_reach=may_reach, patience=PATIENCE)
        return Teller(web, WebAddress.of(url), KEY, self.people, lambda: self.now)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    state, people = State(tmp_path), Keyring(tmp_path)
    state.open(brought_up_to_date)
    people.open()
    yield Kept(state, people)
    people.close()
    state.close()


def test_what_is_due_is_told_once_with_a_signature_and_what_is_not_waits(kept: Kept, receiver: Receiver) -> None:
    kept.add("t-1")
    kept.add("t-2", due=NOW + timedelta(hours=1))
    teller = kept.teller(receiver.url)
    assert not teller.tell(kept.state)
    assert not teller.tell(kept.state)
    ((headers, body),) = receiver.came
    assert json.loads(body) == {
        "type": "task.due",
        "id": "t-1",
        "caller": "key:ada",
        "due": "2026-11-20T12:00:00Z",
        "note": "call Bob",
        "attempt": 1,
    }
    assert signed_headers(KEY, "t-1", NOW, body).items() <= headers.items()
    assert kept.states() == {"t-1": "done", "t-2": "waiting"}


@pytest.mark.parametrize("status", [500, 404, 429, 302])
def test_whoever_does_not_take_it_is_told_again_later_under_the_same_id(
    kept: Kept, receiver: Receiver, status: int
) -> None:
    kept.add("t-1")
    receiver.statuses = [status]
    teller = kept.teller(receiver.url)
    teller.tell(kept.state)
    assert kept.states() == {"t-1": "waiting"}
    teller.tell(kept.state)
    assert len(receiver.came) == 1
    kept.now += pause(0)
    teller.tell(kept.state)
    assert receiver.ids == ["t-1", "t-1"]
    second = json.loads(receiver.came[1][1])
    assert (second["attempt"], second["due"]) == (2, "2026-11-20T12:00:00Z")
    assert kept.states() == {"t-1": "done"}


def test_after_a_day_of_trying_it_is_given_up(kept: Kept) -> None:
    kept.add("t-1")
    teller = kept.teller("http://127.0.0.1:1/")
    for attempt in range(MOST_ATTEMPTS):
        assert kept.states() == {"t-1": "waiting"}
        teller.tell(kept.state)
        kept.now += pause(attempt)
    assert kept.states() == {"t-1": "failed"}
    assert timedelta(hours=12) < kept.now - NOW < timedelta(hours=36)


def test_pauses_grow_up_to_a_bound() -> None:
    assert pause(0) < pause(1) < pause(5) < pause(12) == pause(9999)


def test_a_host_at_a_private_address_is_not_told(kept: Kept, receiver: Receiver) -> None:
    kept.add("t-1")
    kept.teller(receiver.url, is_public).tell(kept.state)
    assert receiver.came == []
    assert kept.states() == {"t-1": "waiting"}


def test_two_offices_tell_of_a_task_once(kept: Kept, receiver: Receiver) -> None:
    kept.add("t-1")
    (task,) = kept.state.tasks.due(NOW, 1)
    assert kept.state.tasks.claim(task, NOW + pause(0))
    kept.teller(receiver.url).tell(kept.state)
    assert receiver.came == []


def test_of_one_who_was_erased_nobody_is_told(kept: Kept, receiver: Receiver) -> None:
    kept.add("t-1", "key:bob")
    person = kept.people.person("key:bob").pseudonym
    kept.people.erase("key:bob")
    kept.teller(receiver.url).tell(kept.state)
    assert receiver.came == []
    assert [task.state for task in kept.state.tasks.of(person)] == ["failed"]


def test_many_are_told_in_parts(kept: Kept, receiver: Receiver) -> None:
    for number in range(AT_ONCE + 1):
        kept.add(f"t-{number}", due=NOW - timedelta(seconds=100 - number))
    teller = kept.teller(receiver.url)
    assert teller.tell(kept.state)
    assert not teller.tell(kept.state)
    assert sorted(receiver.ids) == sorted(f"t-{number}" for number in range(AT_ONCE + 1))
