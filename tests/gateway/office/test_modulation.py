"""`POST /admin/modulation/preview` says what would go out, and a request that is then sent goes out so."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.office.modulation import AS_REMEMBERED, THEIRS_ALONE
from gateway.simulator import create_app
from tests.builders.commands import lukhas_here
from tests.builders.served import Served, eventually, lukhas, served
from tests.builders.servers import run_server
from tests.docs.blocks import ROOT

SETTINGS = """
policies: {folder: .}
plugins: {log: {to: nowhere}, signals: {slow_ms: 600000, waiting_ms: 600000}}
upstream: {api_key: sk-operator}
auth:
  keys:
    - {key: lk-ada, owner: ada, mode: enforce}
    - {key: lk-bob, owner: bob}
    - {key: lk-eve, owner: eve, mode: enforce, permissions: ["admin:modulation"]}
    - {key: lk-admin, owner: admin, permissions: ["admin:modulation"]}
"""
REQUEST = '{"model": "gpt-4o-mini",  "seed": 1e-7, "messages": [{"role": "user", "content": "Tell me of nebulae."}]}'
SHIPPED = (ROOT / "policies" / "modulation.yaml").read_text()
RISKY = "alignment_risk=0.6"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with run_server(create_app()) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Iterator[Served]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("preview")
        # Long enough for a machine that is busy otherwise.
        (folder / "modulation.yaml").write_text(SHIPPED.replace("cooldown_ms: 800", "cooldown_ms: 4500"))
        yield stack.enter_context(served(folder, "--upstream", f"{upstream}/v1", settings=SETTINGS))


def preview(gateway: Served, around: str = "", status: int = 200, key: str = "lk-admin") -> dict[str, Any]:
    """Previews the request with these further members."""
    body = f'{{"request": {REQUEST}{around}}}'
    answer = httpx.post(
        f"{gateway.url}/admin/modulation/preview", content=body, headers={"authorization": f"Bearer {key}"}
    )
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sent(gateway: Served, upstream: str, who: str, signals: str = "") -> str:
    """Sends the request; gives its body as it came to the upstream."""
    headers = {"authorization": f"Bearer lk-{who}", "content-type": "application/json"}
    headers |= {"x-lukhas-signals": signals} if signals else {}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", content=REQUEST, headers=headers)
    assert answer.status_code == 200, answer.text
    body: str = httpx.get(f"{upstream}/_last").json()["body"]
    return body


def test_a_preview_shows_the_bytes_that_would_go_out(gateway: Served, upstream: str) -> None:
    found = preview(gateway, f', "principal": "key:ada", "headers": {{"x-lukhas-signals": "{RISKY}"}}')
    assert found["changed"]
    assert found["body"] == sent(gateway, upstream, "ada", RISKY)
    assert (found["safety_mode"], found["acting"]["alignment_risk"]) == ("strict", 0.6)
    assert {each["parameter"] for each in found["changes"]} >= {"temperature", "top_p"}
    assert found["assumed"][0] == "The caller is key:ada."


@pytest.mark.parametrize(("principal", "is_own"), [("key:admin", True), ("key:ada", False)])
def test_what_is_kept_for_a_caller_is_shown_to_that_caller_alone(gateway: Served, principal: str, is_own: bool) -> None:
    found = preview(gateway, f', "principal": "{principal}"')
    assert (THEIRS_ALONE not in found["assumed"]) is is_own


def test_a_preview_holds_the_signals_of_the_callers_last_exchanges(gateway: Served, upstream: str) -> None:
    sent(gateway, upstream, "bob", "stress=0.9")

    def held() -> dict[str, Any] | None:
        found = preview(gateway, ', "principal": "key:bob", "mode": "enforce"')
        return found if found["acting"].get("stress") else None

    found = eventually(held)
    assert found["acting"]["stress"] == 0.9
    assert found["damped"][0]["reason"] == "cooldown"
    fresh = preview(gateway, ', "principal": "key:bob", "mode": "enforce", "state": "new"')
    assert (fresh["acting"].get("stress", 0) < 0.2, fresh["body"]) == (True, REQUEST)


def test_in_shadow_a_preview_shows_what_is_computed_and_not_made(gateway: Served) -> None:
    found = preview(gateway, ', "principal": "key:bob", "state": "new", "signals": {"alignment_risk": 0.6}')
    assert (found["changed"], found["body"], found["changes"]) == (False, REQUEST, [])
    assert {each["parameter"] for each in found["not_made"]} >= {"temperature", "safety_mode"}


def test_explain_of_a_running_gateway_says_the_same(gateway: Served) -> None:
    told = preview(gateway, ', "principal": "key:ada", "state": "new", "signals": {"urgency": 0.8}')
    explained = lukhas(
        *("explain", "-", "--json", "--key-owner", "ada", "--signals", "urgency=0.8", "--data", str(gateway.data)),
        cwd=gateway.folder,
        given=REQUEST,
    )
    assert explained.returncode == 0, explained.stderr
    assert f'"body": {httpx.Response(200, json=told["body"]).text}' in explained.stdout


@pytest.mark.parametrize(
    ("around", "says"),
    [
        (', "endpoint": "nonsense"', "endpoint"),
        (', "tier": "T9"', "tier"),
        (', "signals": {"joy": 1}', "joy"),
        (', "mode": "loud"', "mode"),
        (', "unknown": 1', "unknown"),
        (', "headers": {"x": "\\u4f60"}', "header"),
    ],
)
def test_what_cannot_be_previewed_is_said(gateway: Served, around: str, says: str) -> None:
    assert says in preview(gateway, around, 400)["error"]["message"]


def test_a_request_that_the_gateway_would_not_read_is_said(gateway: Served) -> None:
    answer = httpx.post(
        f"{gateway.url}/admin/modulation/preview",
        content='{"request": {"a": 1, "a": 2}}',
        headers={"authorization": "Bearer lk-admin"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


def test_a_preview_needs_the_permission(gateway: Served) -> None:
    assert "admin:modulation" in preview(gateway, status=403, key="lk-ada")["error"]["message"]


def test_a_preview_puts_back_what_tools_gave_and_waits_for_the_client(gateway: Served, upstream: str) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    asks = {"role": "user", "content": '!tools retrieve_knowledge {"query": "x"} weather {}'}
    headers = {"authorization": "Bearer lk-eve", "x-lukhas-tools": "retrieval"}
    asked = {"model": "gpt-4o-mini", "messages": [asks], "tools": [tool]}
    url = f"{gateway.url}/v1/chat/completions"
    first = httpx.post(url, json=asked, headers=headers).json()["choices"][0]["message"]
    (call,) = first["tool_calls"]
    answer = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
    again = httpx.Request("POST", url, json={**asked, "messages": [asks, first, answer]}, headers=headers)
    body = (
        f'{{"request": {again.content.decode()}, "principal": "key:eve", "headers": {{"x-lukhas-tools": "retrieval"}}}}'
    )
    own, of_others = (
        httpx.post(f"{gateway.url}/admin/modulation/preview", content=body, headers={"authorization": f"Bearer {key}"})
        for key in ("lk-eve", "lk-admin")
    )
    found = own.json()
    results = [preview["body"].count('"tool_call_id"') for preview in (found, of_others.json())]
    assert results == [2, 1], found
    with httpx.Client() as client:
        assert client.send(again).status_code == 200
    assert httpx.get(f"{upstream}/_last").json()["body"] == found["body"]


def asks(gateway: Served, upstream: str, says: str) -> str:
    """Sends a request of eve's that says this; gives its body as it came to the upstream."""
    headers = {"authorization": "Bearer lk-eve", "content-type": "application/json"}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", content=saying(says), headers=headers)
    assert answer.status_code == 200, answer.text
    body: str = httpx.get(f"{upstream}/_last").json()["body"]
    return body


def saying(text: str) -> str:
    messages = json.dumps([{"role": "user", "content": text}])
    return f'{{"model": "gpt-4o-mini", "temperature": 0.9, "top_p": 0.8, "messages": {messages}}}'


def test_a_preview_knows_how_new_a_text_is_to_its_caller(gateway: Served, upstream: str) -> None:
    for day in range(12):
        asks(gateway, upstream, f"Sum up the sales figures of store {day} for the weekly report of the north region.")
    new = "Paint me three moons above a violet glacier where otters juggle lanterns beside sleeping harps."
    asked = f'{{"request": {saying(new)}, "principal": "key:eve"}}'
    headers = {"authorization": "Bearer lk-eve"}
    found = httpx.post(f"{gateway.url}/admin/modulation/preview", content=asked, headers=headers).json()
    assert found["signals"]["novelty"] >= 0.2
    assert found["sources"]["novelty"][0]["plugin"] == "signals"
    assert AS_REMEMBERED in found["assumed"]
    assert found["body"] == asks(gateway, upstream, new)


def test_who_may_not_preview_is_told_nothing_of_what_is_remembered(gateway: Served) -> None:
    found = httpx.post(
        f"{gateway.url}/admin/modulation/preview",
        content=f'{{"request": {saying("Hello")}, "principal": "key:eve"}}',
        headers={"authorization": "Bearer lk-ada"},
    )
    assert (found.status_code, found.json()["error"]["code"]) == (403, "not_allowed")


def test_explain_asks_a_running_gateway_for_what_it_remembers(gateway: Served, upstream: str, tmp_path: Path) -> None:
    new = saying("Compose a ballad of marble whales who repair clocks in abandoned orchards of salt.")
    arguments = ("explain", "-", "--json", "--key-owner", "eve", "--url", gateway.url)
    done = lukhas_here(*arguments, cwd=tmp_path, given=f"{new}\n", environ={"LUKHAS_KEY": "lk-admin"})
    found = json.loads(done.stdout)
    assert AS_REMEMBERED in found["assumed"]
    assert found["body"] == asks(gateway, upstream, json.loads(new)["messages"][0]["content"])


def test_explain_says_what_a_running_gateway_needs(gateway: Served, tmp_path: Path) -> None:
    asked = ("explain", "-", "--url")
    for url, key, says in (
        (gateway.url, "", "put a key into LUKHAS_KEY"),
        (gateway.url, "lk-ada", "admin:modulation"),
        ("ftp://there", "lk-admin", "is no address of a gateway"),
        ("http://127.0.0.1:99999", "lk-admin", "is no address of a gateway"),
        (f"{gateway.url}/v1", "lk-admin", "is no address of a gateway"),
        ("http://127.0.0.1:9", "lk-admin", "does not answer"),
    ):
        done = lukhas_here(*asked, url, cwd=tmp_path, given="{}", environ={"LUKHAS_KEY": key})
        assert done.returncode == 1, done
        assert says in done.stderr


@pytest.mark.parametrize("state", ["held", "new"])
def test_what_a_sender_says_was_found_does_not_count(gateway: Served, state: str) -> None:
    said = '[{"plugin": "signals", "levels": {"stress": 0.9}}]'
    found = preview(gateway, f', "principal": "key:bob", "state": "{state}", "observed": {said}')
    assert found["signals"].get("stress", 0.0) < 0.5
    assert (AS_REMEMBERED in found["assumed"]) is (state == "held")
