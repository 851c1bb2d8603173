"""`lukhas explain` says what would go out and why, and sends nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.commands import lukhas_here as lukhas

BODY = '{"model": "gpt-4o-mini",  "seed": 1e-7, "messages": [{"role": "user", "content": "WHY NOT"}]}'
CALMING = """
from gateway import Exchange, Nudge, Refusal, Set, Signals, hookimpl


class Calming:
    @hookimpl
    def observe(self, exchange: Exchange) -> Signals | None:
        return Signals({"noise": 0.9}, because={"noise": "all capitals"})

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return Refusal("Too loud.", code="too_loud") if exchange.signals["noise"] > 0.95 else None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        return Nudge((Set(("temperature",), 0.2),), because="the caller shouts")
"""


def explained(folder: Path, *arguments: str, given: str = BODY) -> tuple[int, dict[str, Any]]:
    (folder / "calming.py").write_text(CALMING)
    (folder / "lukhas.yaml").write_text("chain: [sign_in, tier_check, calming.py]\n")
    done = lukhas("explain", "-", "--json", *arguments, cwd=folder, given=given)
    return done.returncode, json.loads(done.stdout)


def test_what_no_plugin_changes_goes_out_byte_for_byte(tmp_path: Path) -> None:
    done = lukhas("explain", "-", cwd=tmp_path, given=BODY)
    assert (done.returncode, done.stdout.endswith(f"\nunchanged, byte for byte:\n{BODY}\n")) == (0, True)


def test_a_change_is_shown_with_its_reason_and_the_exact_body(tmp_path: Path) -> None:
    status, found = explained(tmp_path)
    assert status == 0
    assert found["body"] == BODY[:-1] + ',"temperature":0.2}'
    assert '+  "temperature": 0.2' in found["diff"]
    assert found["signals"] == {"noise": 0.9}
    assert [(step["hook"], step["answer"]["because"]) for step in found["steps"]] == [
        ("observe", {"noise": "all capitals"}),
        ("shape", "the caller shouts"),
    ]


def test_signals_can_be_assumed(tmp_path: Path) -> None:
    status, found = explained(tmp_path, "--signals", "noise=0.99,calm=0")
    assert status == 1
    assert found["signals"] == {"noise": 0.99, "calm": 0}
    assert (found["refusal"]["code"], found["body"]) == ("too_loud", "")


@pytest.mark.parametrize("option", [("--signals", "loud"), ("--signals", "noise=2"), ("--tier", "T9")])
def test_what_cannot_be_assumed_is_wrong_use(tmp_path: Path, option: tuple[str, str]) -> None:
    assert lukhas("explain", "-", *option, cwd=tmp_path, given=BODY).returncode == 2


def test_what_the_gateway_would_not_admit_is_refused(tmp_path: Path) -> None:
    done = lukhas("explain", "-", cwd=tmp_path, given='{"model": 5}')
    assert (done.returncode, "code invalid_model" in done.stdout) == (1, True)


def test_an_endpoint_that_nobody_knows_is_wrong_use(tmp_path: Path) -> None:
    done = lukhas("explain", "-", "--endpoint", "chat.completion", cwd=tmp_path, given=BODY)
    assert done.returncode == 2
    assert "there are chat.completions" in done.stderr


def test_a_body_that_is_not_json_is_refused(tmp_path: Path) -> None:
    done = lukhas("explain", "-", cwd=tmp_path, given="{")
    assert done.returncode == 1
    assert done.stderr.startswith("We could not parse the JSON body of your request")


def test_explaining_leaves_nothing_behind(tmp_path: Path) -> None:
    lukhas("explain", "-", cwd=tmp_path, given=BODY)
    assert list(tmp_path.iterdir()) == []


KEYS = """
auth:
  keys:
    - {key: lk-ada, owner: ada, tier: T3, mode: enforce}
"""


def with_keys(folder: Path, *arguments: str) -> dict[str, Any]:
    (folder / "lukhas.yaml").write_text(KEYS)
    done = lukhas("explain", "-", "--json", "--key-owner", "ada", *arguments, cwd=folder, given=BODY)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_caller_can_be_one_of_the_settings_with_their_mode_and_headers(tmp_path: Path) -> None:
    found = with_keys(tmp_path, "-H", "X-Lukhas-Signals: alignment_risk=0.6")
    assert (found["caller"], found["tier"], found["safety_mode"]) == ("key:ada", "T3", "strict")
    assert found["sources"]["alignment_risk"][0]["because"].startswith("the client says so")
    temperature = next(each for each in found["changes"] if each["parameter"] == "temperature")
    assert (temperature.get("before"), temperature["after"]) == (None, pytest.approx(0.49, abs=0.01))
    assert "alignment_risk" in temperature["because"]


def test_another_mode_can_be_assumed_and_shows_what_it_would_not_do(tmp_path: Path) -> None:
    found = with_keys(tmp_path, "--mode", "shadow", "--signals", "alignment_risk=0.6")
    assert (found["changed"], found["body"], found["safety_mode"]) == (False, BODY, "balanced")
    assert {each["parameter"] for each in found["not_made"]} >= {"temperature", "safety_mode"}
    assert "The mode is shadow." in found["assumed"]


def test_tables_show_signals_changes_and_what_was_assumed(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("chain: [tier_check, signals, modulation, tool_governance, retrieval]\n")
    arguments = ("--mode", "enforce", "--signals", "alignment_risk=0.6", "-H", "x-lukhas-tools: retrieval")
    done = lukhas("explain", "-", *arguments, cwd=tmp_path, given=BODY)
    for words in (
        "Signals",
        "alignment_risk  0.6",
        "Changes",
        "temperature",
        "Tools",
        "retrieve_knowledge",
        "Assumed:",
    ):
        assert words in done.stdout
    body = json.loads(done.stdout.splitlines()[-1])
    assert body["tools"][0]["function"]["name"] == "retrieve_knowledge"


def test_a_key_owner_or_header_that_there_is_not_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text(KEYS)
    done = lukhas("explain", "-", "--key-owner", "bob", cwd=tmp_path, given=BODY)
    assert (done.returncode, "there are ada" in done.stderr) == (2, True)
    assert lukhas("explain", "-", "-H", "no colon", cwd=tmp_path, given=BODY).returncode == 2
