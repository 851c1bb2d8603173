"""`/audit` over a real server and a real journal: who gets what, at once, and what is refused."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from gateway.answers import Refusal
from gateway.office.audit.names import Names
from gateway.office.audit.routes import audit_routes
from gateway.office.refusing import Refused, broken, not_done, refused
from gateway.simulator import create_app
from gateway.simulator.asgi import Application
from gateway.testing import a_caller
from identity.caller import Caller
from identity.keyring import Keyring
from storage.journal_error import JournalError
from storage.journal_tail import JournalTail
from tests.builders.gateway import running_gateway
from tests.builders.servers import run_server
from tests.gateway.office.audit.lines import AUDIT_ID, an_ended

CALLERS = {
    "mine": a_caller(principal="key:mine"),
    "other": a_caller(principal="key:other"),
    "reader": a_caller(principal="key:reader", permissions=frozenset(("audit:read",))),
    "writer": a_caller(principal="key:writer", permissions=frozenset(("audit:write",))),
    "admin": a_caller(principal="admin", permissions=frozenset(("*",))),
}


class Segment:
    """The office's own segment of a journal, appended to as the office would."""

    def __init__(self, journal: Path) -> None:
        self.path = journal / "office" / "00000001.jsonl"
        self.path.parent.mkdir(parents=True)
        self.full = False

    def append(self, event: bytes) -> None:
        if self.full:
            raise JournalError("The disk is full.")
        with self.path.open("ab") as file:
            file.write(event + b"\n")


async def caller_of(request: Request[Any, Any, Any]) -> Caller:
    caller = CALLERS.get(request.headers.get("x-api-key", ""))
    if caller is None:
        raise Refused(Refusal("Nobody.", code="invalid_api_key", status=401))
    return caller


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    return Segment(tmp_path / "journal")


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    keyring = Keyring(tmp_path)
    keyring.open()
    yield keyring
    keyring.close()


@pytest.fixture
def url(tmp_path: Path, segment: Segment, keyring: Keyring) -> Iterator[str]:
    """The address of an office that reads this journal."""
    app = Litestar(
        audit_routes(JournalTail(tmp_path / "journal"), segment.append, Names(keyring), feedback=True),
        dependencies={"caller": Provide(caller_of)},
        exception_handlers={Refused: refused, HTTPException: not_done, Exception: broken},
        logging_config=None,
    )
    with run_server(cast(Application, app)) as address:
        yield address


def ask(url: str, path: str, key: str = "mine", **query: Any) -> httpx.Response:
    return httpx.get(f"{url}{path}", params=query, headers={"x-api-key": key})


def log(url: str, bundle: Any, key: str = "writer") -> httpx.Response:
    body = bundle if isinstance(bundle, bytes) else msgspec.json.encode(bundle)
    return httpx.post(f"{url}/audit/log", content=body, headers={"x-api-key": key, "content-type": "application/json"})


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


def test_a_record_is_given_as_it_stands_in_the_journal(url: str, segment: Segment) -> None:
    line = an_ended()
    segment.append(line)
    reply = ask(url, f"/audit/{AUDIT_ID}")
    assert (reply.status_code, reply.content) == (200, line)
    assert (reply.headers["content-type"], reply.headers["cache-control"]) == ("application/json", "no-store")


@pytest.mark.parametrize("path", ["/audit/{}", "/audit/view/{}"])
def test_others_find_nothing_and_readers_all(url: str, segment: Segment, path: str) -> None:
    segment.append(an_ended())
    segment.append(an_ended(audit_id="A-of-nobody", caller=None))
    for audit_id, key, status in (
        (AUDIT_ID, "mine", 200),
        (AUDIT_ID, "other", 404),
        (AUDIT_ID, "writer", 404),
        (AUDIT_ID, "reader", 200),
        (AUDIT_ID, "admin", 200),
        (AUDIT_ID, "stranger", 401),
        ("A-of-nobody", "mine", 404),
        ("A-of-nobody", "reader", 200),
        ("A-not-there", "admin", 404),
    ):
        assert ask(url, path.format(audit_id), key).status_code == status, (audit_id, key)


def test_records_that_hold_pseudonyms_are_found_and_shown_by_principal(
    url: str, segment: Segment, keyring: Keyring
) -> None:
    segment.append(an_ended(caller=keyring.person("key:mine").pseudonym))
    segment.append(an_ended(audit_id="A-of-another", caller=keyring.person("key:other").pseudonym))
    assert ask(url, f"/audit/{AUDIT_ID}").json()["caller"] == "key:mine"
    assert ask(url, f"/audit/{AUDIT_ID}", "other").status_code == 404
    assert "key:mine" in ask(url, f"/audit/view/{AUDIT_ID}", "reader").text
    listed = ask(url, "/audit", "reader", caller="key:other").json()["exchanges"]
    assert [(each["audit_id"], each["caller"]) for each in listed] == [("A-of-another", "key:other")]
    assert [each["caller"] for each in ask(url, "/audit").json()["exchanges"]] == ["key:mine"]


def test_after_an_erasure_nobody_but_readers_finds_the_record(url: str, segment: Segment, keyring: Keyring) -> None:
    segment.append(an_ended(caller=keyring.person("key:mine").pseudonym))
    keyring.erase("key:mine")
    assert ask(url, f"/audit/{AUDIT_ID}").status_code == 404
    assert ask(url, "/audit").json()["exchanges"] == []
    assert ask(url, f"/audit/{AUDIT_ID}", "reader").json()["caller"] == "erased"
    assert [each["caller"] for each in ask(url, "/audit", "reader").json()["exchanges"]] == ["erased"]


def test_readers_list_the_exchanges_of_all_who_were_erased(url: str, segment: Segment, keyring: Keyring) -> None:
    for number, caller in enumerate(("key:mine", "key:other", "key:third")):
        segment.append(an_ended(audit_id=f"A-0000000{number}", caller=keyring.person(caller).pseudonym))
    keyring.erase("key:mine")
    keyring.erase("key:other")
    listed = ask(url, "/audit", "reader", caller="erased").json()["exchanges"]
    assert sorted(each["audit_id"] for each in listed) == ["A-00000000", "A-00000001"]
    assert ask(url, "/audit", "mine", caller="erased").status_code == 403


def test_a_keyring_that_cannot_be_read_is_503(url: str, segment: Segment, keyring: Keyring) -> None:
    segment.append(an_ended())
    keyring.close()
    assert code(ask(url, f"/audit/{AUDIT_ID}", "reader")) == (503, "records_unavailable")


def test_what_is_not_yours_cannot_be_told_from_what_is_not_there(url: str, segment: Segment) -> None:
    segment.append(an_ended())
    assert ask(url, f"/audit/{AUDIT_ID}", "other").json() == ask(url, "/audit/A-not-there", "other").json()


@pytest.mark.parametrize(
    "word", ["x", "%22%2C%22caller%22%3A%22key%3Amine", "..%2F..%2Fetc%2Fpasswd", "%00", "A-'%20OR%201=1--", "a" * 5000]
)
def test_an_id_that_is_none_is_not_found(url: str, segment: Segment, word: str) -> None:
    segment.append(an_ended())
    assert ask(url, f"/audit/{word}", "admin").status_code == 404
    assert ask(url, f"/audit/view/{word}", "admin").status_code == 404


def test_the_page_comes_with_its_headers(url: str, segment: Segment) -> None:
    segment.append(an_ended())
    reply = ask(url, f"/audit/view/{AUDIT_ID}")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert f"{url}/audit/{AUDIT_ID}" in reply.text
    assert "feedback/card" in reply.text


def test_a_list_shows_callers_theirs_and_readers_all(url: str, segment: Segment) -> None:
    for number, caller in enumerate(("key:mine", "key:other", None)):
        segment.append(an_ended(audit_id=f"A-0000000{number}", caller=caller))

    def ids(key: str, **query: str | int) -> list[str]:
        return [entry["audit_id"] for entry in ask(url, "/audit", key, **query).json()["exchanges"]]

    assert ids("mine") == ["A-00000000"]
    assert ids("reader") == ["A-00000002", "A-00000001", "A-00000000"]
    assert ids("reader", caller="key:other") == ["A-00000001"]
    assert code(ask(url, "/audit", "mine", caller="key:other")) == (403, "not_allowed")


@pytest.mark.parametrize("query", ["outcom=refused", "model=o3&limi=1", "since=2026-01-01T00:00:00Z&=x", "x" * 500])
def test_a_filter_that_lists_do_not_have_is_400(query: str, url: str, segment: Segment) -> None:
    answer = httpx.get(f"{url}/audit?{query}", headers={"x-api-key": "reader"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (400, "invalid_request_error", "unknown_parameter")
    assert "There are since, until, caller" in error["message"]
    assert len(error["param"]) <= 64


def test_a_list_is_filtered_and_paged(url: str, segment: Segment) -> None:
    for number in range(7):
        members = {"started": f"2026-03-05T12:00:0{number}Z", "outcome": "refused" if number == 3 else "answered"}
        segment.append(an_ended(audit_id=f"A-0000000{number}", model=f"m{number % 2}", **members))
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = ask(url, "/audit", **query).json()
        seen += [entry["audit_id"] for entry in page["exchanges"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [f"A-0000000{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    wanted: tuple[tuple[dict[str, Any], int], ...] = (
        ({"model": "m1"}, 3),
        ({"model": "gpt-4o-mini-2024-07-18"}, 7),
        ({"outcome": "refused"}, 1),
        ({"endpoint": "responses"}, 0),
        ({"since": "2026-03-05T12:00:02Z", "until": "2026-03-05T12:00:05Z"}, 3),
        ({"model": "m1' OR '1'='1"}, 0),
    )
    for filters, count in wanted:
        assert len(ask(url, "/audit", **filters).json()["exchanges"]) == count, filters


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"since": "soon"}, {"cursor": "x"}])
def test_a_wrong_filter_is_400(url: str, segment: Segment, query: dict[str, Any]) -> None:
    assert ask(url, "/audit", **query).status_code == 400


def test_a_logged_bundle_is_kept_and_found(url: str, segment: Segment) -> None:
    reply = log(url, {"audit_id": "run-00001", "model": "llama", "answer": "fine"})
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "audit_id": "run-00001"})
    found = ask(url, "/audit/run-00001", "writer").json()
    assert (found["event"], found["caller"], found["bundle"]["answer"]) == ("logged", "key:writer", "fine")
    assert datetime.fromisoformat(found["at"]).year > 2000
    assert ask(url, "/audit/run-00001", "mine").status_code == 404
    assert "Told by key:writer" in ask(url, "/audit/view/run-00001", "reader").text


def test_a_logged_bundle_never_takes_the_place_of_an_exchange(url: str, segment: Segment) -> None:
    segment.append(an_ended())
    segment.append(b'{"event":"began","audit_id":"A-running-now","caller":"key:mine"}')
    before = segment.path.read_bytes()
    for audit_id in (AUDIT_ID, "A-running-now"):
        assert code(log(url, {"audit_id": audit_id}, "admin")) == (409, "audit_id_taken")
    assert segment.path.read_bytes() == before
    assert log(url, {"audit_id": "run-00001"}).status_code == 200
    assert code(log(url, {"audit_id": "run-00001"}, "admin")) == (409, "audit_id_taken")


def test_a_logged_bundle_needs_a_permission_and_an_id(url: str, segment: Segment) -> None:
    assert code(log(url, {"audit_id": "run-00001"}, "reader")) == (403, "not_allowed")
    assert log(url, {"audit_id": "run-00001"}, "stranger").status_code == 401
    assert code(log(url, {"model": "llama"})) == (400, "invalid_bundle")
    assert log(url, {"audit_id": "run-00001", "long": "x" * 300_000}).status_code == 413
    assert not segment.path.exists()


def test_a_logged_bundle_that_cannot_be_written_is_not_taken(url: str, segment: Segment) -> None:
    segment.full = True
    assert code(log(url, {"audit_id": "run-00001"})) == (503, "journal_unavailable")


def test_a_record_is_there_when_its_answer_is(url: str, segment: Segment) -> None:
    given: dict[str, Any] = {"auth": {"keys": [{"key": "lk-x"}]}, "upstream": {"api_key": "sk-x"}}
    with run_server(create_app()) as simulator, running_gateway(simulator, **given) as gateway:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"authorization": "Bearer lk-x"}
        reply = httpx.post(f"{gateway.base_url}/chat/completions", json=body, headers=headers)
        audit_id = reply.headers["x-lukhas-audit-id"]
        written = gateway.record_of(audit_id)
        for line in gateway.lines():
            segment.append(msgspec.json.encode(line))
    assert ask(url, f"/audit/{audit_id}", "reader").json() == written
    page = ask(url, f"/audit/view/{audit_id}", "reader").text
    assert "Answered in" in page
    assert "asked for gpt-4o-mini at the endpoint chat.completions" in page
