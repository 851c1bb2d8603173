"""Modes: what shadow computes and leaves alone, what enforce does, and what holds in both."""

from typing import Any

import msgspec
import pytest

from tests.interactions.crossing import AUDIT_ID, MODEL, RISKY, SAFETY_MODE, Crossing

SAYS = "Write a short poem about the harbour of Bergen in autumn."
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/chat/completions", {"messages": [{"role": "user", "content": SAYS}]}),
    "responses": ("/responses", {"input": SAYS}),
    "completions": ("/completions", {"prompt": SAYS, "max_tokens": 2000}),
}
EACH_ENDPOINT = pytest.mark.parametrize("endpoint", BODIES)
EACH_MODE = pytest.mark.parametrize("mode", ["shadow", "enforce"])


def written(endpoint: str) -> tuple[str, bytes]:
    """The path of an endpoint, and a body with blanks and an order of its own."""
    path, members = BODIES[endpoint]
    body = msgspec.json.format(msgspec.json.encode({"temperature": 0.9, **members, "model": MODEL}), indent=3)
    return path, body


def computed(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The changes that modulation recorded, by parameter."""
    changes = record.get("changes", [])
    return {each["parameter"]: each for each in changes if each.get("plugin") == "modulation"}


@EACH_ENDPOINT
def test_in_shadow_signals_and_modulation_are_recorded_and_the_body_leaves_as_it_came(
    gateway: Crossing, endpoint: str
) -> None:
    path, body = written(endpoint)

    answer = gateway.ask(gateway.somebody("shadow"), path, body, RISKY)

    assert answer.status_code == 200, answer.text
    assert gateway.last()[0]["body"].encode() == body
    record = gateway.record(answer.headers[AUDIT_ID])
    assert record["signals"]["alignment_risk"] == 0.9
    assert computed(record)["temperature"]["after"] < 0.9
    assert {each.get("applied") for each in computed(record).values()} == {False}


@EACH_ENDPOINT
def test_in_enforce_signals_and_modulation_are_applied(gateway: Crossing, endpoint: str) -> None:
    path, body = written(endpoint)

    answer = gateway.ask(gateway.somebody("enforce"), path, body, RISKY)

    assert answer.status_code == 200, answer.text
    assert gateway.sent()["temperature"] < 0.9
    record = gateway.record(answer.headers[AUDIT_ID])
    assert record["signals"]["alignment_risk"] == 0.9
    assert computed(record)["temperature"]["after"] == gateway.sent()["temperature"]
    assert all(each.get("applied", True) for each in computed(record).values())


@EACH_ENDPOINT
def test_in_enforce_a_calm_request_leaves_as_it_came(gateway: Crossing, endpoint: str) -> None:
    path, body = written(endpoint)

    answer = gateway.ask(gateway.somebody("enforce"), path, body)

    assert answer.status_code == 200, answer.text
    assert gateway.last()[0]["body"].encode() == body
    assert computed(gateway.record(answer.headers[AUDIT_ID])) == {}


@pytest.mark.parametrize(("mode", "in_force"), [("shadow", "balanced"), ("enforce", "strict")])
def test_header_and_column_say_which_safety_mode_was_in_force(gateway: Crossing, mode: str, in_force: str) -> None:
    answer = gateway.chat(gateway.somebody(mode), SAYS, RISKY)

    audit_id = answer.headers[AUDIT_ID]
    assert answer.headers[SAFETY_MODE] == in_force
    assert gateway.row(audit_id, "safety_mode") == [in_force]
    assert computed(gateway.record(audit_id))["safety_mode"]["after"] == "strict"


@EACH_MODE
@pytest.mark.parametrize(("stream", "in_header"), [(False, "strict"), (True, "balanced")], ids=["whole", "streamed"])
def test_from_a_blocked_call_on_strict_is_in_force_and_the_header_says_so_where_it_has_not_gone_out(
    gateway: Crossing, mode: str, stream: bool, in_header: str
) -> None:
    answer = gateway.chat(gateway.somebody(mode), f"{SAYS}\n!tool wipe_disk {{}}", stream=stream)

    assert answer.headers[SAFETY_MODE] == in_header
    assert gateway.row(answer.headers[AUDIT_ID], "safety_mode") == ["strict"]


def test_where_the_mode_of_a_key_is_off_nothing_is_computed_and_tools_are_governed_all_the_same(
    gateway: Crossing,
) -> None:
    answer = gateway.chat("lk-off", f"{SAYS}\n!tool wipe_disk {{}}", RISKY)

    record = gateway.record(answer.headers[AUDIT_ID])
    assert "signals" not in record
    assert computed(record) == {}
    assert [each["name"] for each in record["tools"]["blocked"]] == ["wipe_disk"]
    assert "tool_calls" not in answer.json()["choices"][0]["message"]


@EACH_MODE
def test_models_that_a_key_does_not_carry_are_refused_in_both_modes(gateway: Crossing, mode: str) -> None:
    before = gateway.arrived()

    answer = gateway.chat(f"lk-few-{mode}", SAYS, model="gpt-4o")

    assert (answer.status_code, gateway.arrived()) == (403, before)
    assert gateway.row(answer.headers[AUDIT_ID], "outcome, status") == ["refused", 403]


def test_nobody_comes_in_without_a_credential_whatever_the_mode(gateway: Crossing) -> None:
    before = gateway.arrived()

    answer = gateway.chat("lk-wrong", SAYS)

    assert (answer.status_code, gateway.arrived()) == (401, before)
    assert gateway.row(answer.headers[AUDIT_ID], "outcome, caller") == ["refused", None]
