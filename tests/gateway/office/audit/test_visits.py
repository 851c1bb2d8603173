"""A person in a browser is let in with a key, and whoever tries something else is not."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException

from gateway.hookspecs import Hooks
from gateway.lifecycle import start_plugins, startup_of
from gateway.loader import load_chain
from gateway.office.audit.names import Names
from gateway.office.audit.routes import audit_routes
from gateway.office.audit.visits import MOST_VISITS, SECONDS, Visits
from gateway.office.callers import Callers
from gateway.office.refusing import Refused, broken, not_done, refused
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from gateway.simulator.asgi import Application
from identity.accepted_keys import AcceptedKeys
from identity.keyring import Keyring
from storage.journal_tail import JournalTail
from tests.builders.servers import run_server
from tests.gateway.office.audit.lines import AUDIT_ID, an_ended

HERE = {"accept": "text/html", "sec-fetch-site": "same-origin"}
TYPED = {"accept": "text/html", "sec-fetch-site": "none"}
PAGE = f"/audit/view/{AUDIT_ID}"
KEYS = (
    Key("lk-reader", permissions=("audit:read",)),
    Key("lk-other"),
)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def browser(tmp_path: Path, now: list[float]) -> Iterator[httpx.Client]:
    """A client of audit pages on the own machine, over a journal with one exchange of somebody else's."""
    segment = tmp_path / "journal" / "worker-0" / "00000001.jsonl"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(an_ended() + b"\n")
    keyring, accepted = Keyring(tmp_path), AcceptedKeys(tmp_path / "accepted")
    keyring.open()
    settings = Settings(
        auth=Auth(keys=KEYS, passthrough=False), storage=Storage(data=str(tmp_path)), plugins={"log": {"to": "nowhere"}}
    )
    loaded = Loaded(settings, None)
    chain = load_chain(loaded, lambda *_: None)
    callers = Callers(chain.of(Hooks.identify), accepted)
    visits = Visits(callers, lambda: now[0])
    app = Litestar(
        audit_routes(JournalTail(tmp_path / "journal"), lambda _: None, Names(keyring), visits=visits),
        dependencies={"caller": Provide(callers.of_request)},
        guards=[callers.signed_in],
        exception_handlers={Refused: refused, HTTPException: not_done, Exception: broken},
        on_startup=[partial(start_plugins, chain, startup_of(loaded, tmp_path, {}, None))],
        logging_config=None,
    )
    with run_server(cast(Application, app)) as address, httpx.Client(base_url=address) as client:
        yield client
    keyring.close()
    accepted.close()


def signed_in(browser: httpx.Client, key: str = "lk-reader", **headers: str) -> httpx.Response:
    return browser.post(PAGE, data={"key": key}, headers={**HERE, **headers})


def test_a_person_is_asked_for_a_key_and_then_sees_the_page(browser: httpx.Client) -> None:
    asked = browser.get(PAGE, headers=TYPED)
    assert (asked.status_code, asked.headers["cache-control"]) == (401, "no-store")
    assert '<form method="post">' in asked.text and "form-action 'self'" in asked.headers["content-security-policy"]
    assert "gpt-4o-mini" not in asked.text
    begun = signed_in(browser)
    assert (begun.status_code, begun.headers["location"]) == (303, PAGE)
    page = browser.get(PAGE, headers=HERE)
    assert page.status_code == 200
    assert "gpt-4o-mini" in page.text and "form-action 'none'" in page.headers["content-security-policy"]


def test_programs_are_answered_as_before(browser: httpx.Client) -> None:
    assert browser.get(PAGE).json()["error"]["code"] == "invalid_api_key"
    assert browser.get(PAGE, headers={**TYPED, "x-api-key": "lk-wrong"}).json()["error"]["code"] == "invalid_api_key"
    assert browser.get(PAGE, headers={"x-api-key": "lk-reader"}).status_code == 200


@pytest.mark.parametrize("key", ["", "lk-wrong", "lk-reader2", "sk-any", "\u2603", "lk-reader\r\nx-api-key: lk-reader"])
def test_a_wrong_key_begins_nothing(browser: httpx.Client, key: str) -> None:
    answer = signed_in(browser, key)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text and (not key or key not in answer.text)


def test_what_is_not_theirs_is_not_there_for_a_visitor_either(browser: httpx.Client) -> None:
    assert signed_in(browser, "lk-other").status_code == 303
    for path in (PAGE, "/audit/view/A-not-there"):
        answer = browser.get(path, headers=HERE)
        assert answer.status_code == 404
        assert "There is no such exchange, or it is not yours." in answer.text


def test_a_visit_is_for_the_pages_alone(browser: httpx.Client) -> None:
    signed_in(browser)
    cookies = {"cookie": f"lukhas-visit={browser.cookies['lukhas-visit']}"}
    assert browser.get(PAGE, headers=cookies).status_code == 200
    for path in (f"/audit/{AUDIT_ID}", "/audit"):
        assert browser.get(path, headers=cookies).status_code == 401


def test_the_cookie_is_kept_from_scripts_other_sites_and_other_paths(browser: httpx.Client) -> None:
    here = signed_in(browser).headers["set-cookie"]
    name, _, rest = here.partition("=")
    assert name == "lukhas-visit"
    assert rest.partition("; ")[2] == "Path=/audit/view; HttpOnly; SameSite=Strict"
    there = signed_in(browser, host="gateway.example").headers["set-cookie"]
    assert there.startswith("__Secure-lukhas-visit=") and there.endswith("; SameSite=Strict; Secure")
    for host in ("localhost.example", "127.0.0.1.example:80", "example:127", "a@localhost", ""):
        assert "; Secure" in signed_in(browser, host=host or "x").headers["set-cookie"]


def test_without_https_no_key_is_asked_for_and_none_is_taken(browser: httpx.Client) -> None:
    plain = {"accept": "text/html", "host": "gateway.example"}
    asked = browser.get(PAGE, headers=plain)
    assert (asked.status_code, "<form" in asked.text) == (401, False)
    assert "over https" in asked.text
    answer = browser.post(PAGE, data={"key": "lk-reader"}, headers=plain)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_form_of_another_site_is_not_taken(browser: httpx.Client, site: str) -> None:
    answer = signed_in(browser, **{"sec-fetch-site": site})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_a_name_that_the_browser_brings_is_never_taken_over(browser: httpx.Client) -> None:
    fixed = {"cookie": "lukhas-visit=chosen-by-somebody-else"}
    answer = signed_in(browser, **fixed)
    assert "chosen" not in answer.headers["set-cookie"]
    browser.cookies.clear()
    assert browser.get(PAGE, headers={**HERE, **fixed}).status_code == 401
    first, second = (signed_in(browser).headers["set-cookie"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("path", ["//evil.example/", "/audit/view/https:%2F%2Fevil.example", "/audit/view/%0d%0ax:y"])
def test_the_way_on_leads_nowhere_else(browser: httpx.Client, path: str) -> None:
    answer = browser.post(path, data={"key": "lk-reader"}, headers=HERE)
    assert answer.headers.get("location", "/docs") == "/docs"


def test_a_visit_ends(browser: httpx.Client, now: list[float]) -> None:
    signed_in(browser)
    now[0] = SECONDS - 1
    assert browser.get(PAGE, headers=HERE).status_code == 200
    now[0] = SECONDS + 1
    assert browser.get(PAGE, headers=HERE).status_code == 401


def test_there_are_only_so_many_visits_and_the_oldest_goes(browser: httpx.Client) -> None:
    first = signed_in(browser).headers["set-cookie"].partition(";")[0]
    for _ in range(MOST_VISITS):
        last = signed_in(browser).headers["set-cookie"].partition(";")[0]
    browser.cookies.clear()
    assert browser.get(PAGE, headers={**HERE, "cookie": first}).status_code == 401
    assert browser.get(PAGE, headers={**HERE, "cookie": last}).status_code == 200


def test_a_long_form_is_not_read(browser: httpx.Client) -> None:
    assert signed_in(browser, "x" * 10_000).status_code == 413
