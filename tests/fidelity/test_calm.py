"""Ordinary prompts leave byte for byte under the shipped policy in enforce; what is not ordinary is changed visibly."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest

from gateway.simulator import create_app
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.servers import run_server
from tests.fidelity.requests import Ordinary, ordinary_requests
from tests.plugins.signals.corpora import Text, rows

ORDINARY = rows(Text, "ordinary")
HELD_OUT = ordinary_requests("held_out")
CALM = 0.98
COOLDOWN_SECONDS = 0.8
"""For how long a signal acts on what else its caller sends, at most."""
HEADERS = {"content-type": "application/json", "x-lukhas-explain": "1"}
# A machine with other work to do must not look like an upstream in trouble.
SIGNALS = {"waiting_ms": 60_000.0, "slow_ms": 60_000.0}


class Enforcing:
    """A gateway that enforces, and what reached its upstream."""

    def __init__(self, running: RunningGateway, upstream: str, http: httpx.Client) -> None:
        self.running = running
        self._upstream = upstream
        self._http = http

    def asked(self, body: bytes, who: str = "sk-any", **headers: str) -> httpx.Response:
        """Sends a chat as one of many callers."""
        return self.sent("/v1/chat/completions", body, who, **headers)

    def sent(self, path: str, body: bytes, who: str, **headers: str) -> httpx.Response:
        """Sends any request as one of many callers."""
        given = {**HEADERS, "authorization": f"Bearer {who}", **headers}
        return self._http.post(f"{self.running.url}{path}", content=body, headers=given)

    def arrived(self) -> bytes:
        """The body that reached the upstream last."""
        body: str = self._http.get(f"{self._upstream}/_last").json()["body"]
        return body.encode()


@pytest.fixture(scope="module")
def enforcing() -> Iterator[Enforcing]:
    with (
        run_server(create_app()) as upstream,
        running_gateway(upstream, mode="enforce", plugins={"signals": SIGNALS}) as running,
        httpx.Client() as http,
    ):
        yield Enforcing(running, upstream, http)


def a_body(text: str, **members: Any) -> bytes:
    """Gives a body with blanks, an order and a spelling of numbers of its own."""
    message = msgspec.json.encode({"role": "user", "content": text})
    more = b"".join(b',"%b" : %b' % (name.encode(), msgspec.json.encode(value)) for name, value in members.items())
    return b'{ "seed":1e0,"messages": [%b],  "model":"gpt-4o-mini"%b }' % (message, more)


def test_ordinary_prompts_leave_byte_for_byte(enforcing: Enforcing) -> None:
    changed = []
    for number, each in enumerate(ORDINARY):
        body = a_body(each.text)
        answer = enforcing.asked(body, f"sk-{number}")
        assert answer.status_code == 200, answer.text
        same = enforcing.arrived() == body
        assert same is (answer.headers["x-lukhas-changes"] == "none")
        if not same:
            changed.append(each.text)
    assert len(ORDINARY) >= 300
    assert len(changed) <= (1 - CALM) * len(ORDINARY), changed


def touched(enforcing: Enforcing, who: Callable[[int], str]) -> list[Ordinary]:
    """Gives which of the requests that nobody tuned on did not arrive byte for byte; after one, a person would wait."""
    found = []
    for number, each in enumerate(HELD_OUT):
        body = b" " + bytes(each.body)
        answer = enforcing.sent(each.path, body, who(number))
        assert answer.status_code == 200, answer.text
        if enforcing.arrived() != body:
            assert answer.headers["x-lukhas-changes"] != "none"
            found.append(each)
            time.sleep(COOLDOWN_SECONDS)
    return found


def test_prompts_that_nobody_tuned_on_leave_byte_for_byte(enforcing: Enforcing) -> None:
    found = touched(enforcing, lambda number: f"sk-apart-{number}")
    assert len(HELD_OUT) >= 150
    assert len(found) <= (1 - CALM) * len(HELD_OUT), found


def test_they_do_so_for_one_caller_who_sends_them_one_after_the_other(enforcing: Enforcing) -> None:
    found = touched(enforcing, lambda _: "sk-in-a-row")
    assert len(found) <= (1 - CALM) * len(HELD_OUT), found


def test_no_prompt_that_was_held_out_was_tuned_on() -> None:
    tuned = {each.last_turn for each in ordinary_requests("tuned")} | {each.text for each in ORDINARY}
    assert tuned.isdisjoint(each.last_turn for each in HELD_OUT if len(each.last_turn) > len("a short turn of a word"))


@pytest.mark.parametrize(
    ("signals", "shifts"),
    [
        ("alignment_risk=0.6", {"temperature", "top_p", "messages", "safety_mode", "allowed_tools"}),
        ("stress=0.8", {"temperature", "top_p", "max_completion_tokens"}),
        ("urgency=0.9, stress=0.5", {"temperature", "top_p", "max_completion_tokens", "allowed_tools"}),
    ],
)
def test_what_shifts_under_signals_stands_in_the_body_in_the_header_and_in_the_record(
    enforcing: Enforcing, signals: str, shifts: set[str]
) -> None:
    body = a_body("Please tell me about the sea.", temperature=0.9)
    answer = enforcing.asked(body, f"sk-{signals}", **{"x-lukhas-signals": signals})
    before, after = msgspec.json.decode(body), msgspec.json.decode(enforcing.arrived())
    record = enforcing.running.record_of(answer.headers["x-lukhas-audit-id"])
    told = {change["parameter"]: change for change in record["changes"]}
    assert told.keys() == shifts
    assert {name for name in after if after[name] != before.get(name)} == shifts - {"safety_mode", "allowed_tools"}
    header = answer.headers["x-lukhas-changes"]
    for name, change in told.items():
        assert change["because"].startswith(f"{change['signal']} at ")
        assert f"{name} " in header
        if isinstance(after.get(name), int | float):
            assert after[name] == change["after"]
            assert f"{name} {change.get('before', '')}->{change['after']} ({change['signal']})" in header
    mode = "strict" if "safety_mode" in shifts else "balanced"
    assert (answer.headers["x-lukhas-safety-mode"], record["safety_mode"]) == (mode, mode)


def test_in_shadow_the_same_is_computed_and_nothing_done() -> None:
    with run_server(create_app()) as upstream, running_gateway(upstream) as running, httpx.Client() as http:
        enforcing = Enforcing(running, upstream, http)
        body = a_body("Please tell me about the sea.", temperature=0.9)
        answer = enforcing.asked(body, **{"x-lukhas-signals": "alignment_risk=0.6"})
        record = running.record_of(answer.headers["x-lukhas-audit-id"])
        assert enforcing.arrived() == body
    assert (answer.headers["x-lukhas-safety-mode"], record["safety_mode"]) == ("balanced", "balanced")
    assert {change["applied"] for change in record["changes"]} == {False}
    mode = next(change for change in record["changes"] if change["parameter"] == "safety_mode")
    assert (mode["before"], mode["after"]) == ("balanced", "strict")
    assert "temperature 0.9->0.49 (alignment_risk, shadow)" in answer.headers["x-lukhas-changes"]


def test_a_refusal_says_its_safety_mode_too(enforcing: Enforcing) -> None:
    answer = enforcing.asked(a_body("Hello"), **{"x-lukhas-signals": "urgency=nan"})
    assert (answer.status_code, answer.headers["x-lukhas-safety-mode"]) == (400, "balanced")
    nobody = httpx.post(f"{enforcing.running.base_url}/chat/completions", content=a_body("Hello"))
    assert (nobody.status_code, nobody.headers["x-lukhas-safety-mode"]) == (401, "balanced")
