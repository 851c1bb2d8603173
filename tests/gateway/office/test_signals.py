"""`/signals` shows how signals stand, and which events made those of an exchange, by the records of a real gateway."""

from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.builders.served import Served, eventually, served
from tests.docs.blocks import ROOT

SETTINGS = """
mode: enforce
policies: {folder: .}
plugins: {log: {to: nowhere}, signals: {slow_ms: 600000, waiting_ms: 600000}}
auth:
  keys:
    - {key: lk-ada, owner: ada}
    - {key: lk-bob, owner: bob}
    - {key: lk-eve, owner: eve}
    - {key: lk-watched, owner: watched, mode: shadow}
    - {key: lk-reader, owner: reader, permissions: ["audit:read"]}
"""
SHIPPED = (ROOT / "policies" / "modulation.yaml").read_text()
ASKED = {"model": "gpt-4o-mini", "temperature": 0.9, "messages": [{"role": "user", "content": "What is a nebula?"}]}
EMPTY: dict[str, Any] = {"signals": {}, "stabilizing": False, "stressed": 0}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("signals")
    # Long enough for a machine that is busy otherwise.
    (folder / "modulation.yaml").write_text(SHIPPED.replace("cooldown_ms: 800", "cooldown_ms: 4500"))
    with served(folder, "--simulate", settings=SETTINGS) as running:
        yield running


def ask(gateway: Served, who: str, signals: str = "") -> str:
    """Sends a request with these signals; gives its audit id."""
    headers = {"authorization": f"Bearer lk-{who}"} | ({"x-lukhas-signals": signals} if signals else {})
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=ASKED, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-lukhas-audit-id"]


def seen(gateway: Served, who: str, path: str = "/signals", status: int = 200) -> dict[str, Any]:
    answer = httpx.get(f"{gateway.url}{path}", headers={"authorization": f"Bearer lk-{who}"})
    assert answer.status_code == status, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def _stress_of_at_least(gateway: Served, level: float) -> dict[str, Any] | None:
    found: dict[str, Any] | None = seen(gateway, "ada")["signals"].get("stress")
    return found if found is not None and found["level"] >= level else None


def test_a_level_is_seen_within_half_a_second_with_what_is_left_of_its_time_and_its_source(gateway: Served) -> None:
    took = []
    for level in (0.75, 0.8, 0.85):  # one of them may meet a machine that is busy otherwise
        ask(gateway, "ada", f"stress={level}")
        began = monotonic()
        stress = eventually(partial(_stress_of_at_least, gateway, level))
        took.append(monotonic() - began)
        assert (stress["level"], stress["sources"]) == (level, ["signals"])
        assert 3000 < stress["ttl_left_ms"] <= 5000
    assert min(took) < 0.5


def test_callers_see_their_own_signals_and_readers_those_of_anybody(gateway: Served) -> None:
    ask(gateway, "bob", "urgency=0.5")
    assert "urgency" in eventually(lambda: seen(gateway, "reader", "/signals?principal=key:bob")["signals"])
    assert "urgency" not in seen(gateway, "reader")["signals"]
    assert seen(gateway, "bob", "/signals?principal=key:ada", 403)["error"]["code"] == "not_allowed"
    unknown = seen(gateway, "reader", "/signals?principal=key:nobody")
    assert {name: unknown[name] for name in EMPTY} == EMPTY
    assert seen(gateway, "bob", "/signals?principle=key:bob", 400)["error"]["code"] == "unknown_parameter"
    assert seen(gateway, "unknown", status=401)["error"]["code"] == "invalid_api_key"


def test_an_explanation_names_the_events_and_what_each_signal_changed(gateway: Served) -> None:
    audit_id = ask(gateway, "eve", "alignment_risk=0.6")
    found = seen(gateway, "eve", f"/signals/explain/{audit_id}")
    risk = found["signals"]["alignment_risk"]
    assert (found["audit_id"], found["principal"], found["safety_mode"]) == (audit_id, "key:eve", "strict")
    assert (risk["acted"], risk["events"]) == (
        0.6,
        [{"source": "signals", "level": 0.6, "because": "the client says so"}],
    )
    changed = {each["parameter"]: each for each in risk["changed"]}
    assert (changed["temperature"]["before"], changed["temperature"]["after"]) == (0.9, pytest.approx(0.49))
    assert "alignment_risk at 0.6" in changed["temperature"]["because"]


def test_an_explanation_names_what_was_held_back(gateway: Served) -> None:
    ask(gateway, "watched", "stress=0.9")
    found = seen(gateway, "watched", f"/signals/explain/{ask(gateway, 'watched', 'stress=0.3')}")
    stress = found["signals"]["stress"]
    assert (stress["acted"], stress["events"][0]["level"]) == (0.9, 0.3)
    assert "waits" in stress["damped"][0]
    assert found["safety_mode"] == "balanced"
    assert all(each["applied"] is False for each in stress["changed"])


@pytest.mark.parametrize("audit_id", ["A-01a1f991-5ab8-752c-bd4b-25bfb67d2b43", "no-such-exchange", "x"])
def test_an_exchange_that_is_not_there_is_not_found(gateway: Served, audit_id: str) -> None:
    assert seen(gateway, "ada", f"/signals/explain/{audit_id}", 404)["error"]["code"] == "not_found"


def test_an_exchange_of_another_is_not_found_but_by_readers(gateway: Served) -> None:
    audit_id = ask(gateway, "ada")
    assert seen(gateway, "bob", f"/signals/explain/{audit_id}", 404)["error"]["code"] == "not_found"
    assert seen(gateway, "reader", f"/signals/explain/{audit_id}")["principal"] == "key:ada"


def test_after_three_exchanges_with_stress_the_counter_signal_is_seen(gateway: Served) -> None:
    for _ in range(3):
        ask(gateway, "bob", "stress=0.9")
    assert eventually(lambda: seen(gateway, "bob")["stabilizing"])
