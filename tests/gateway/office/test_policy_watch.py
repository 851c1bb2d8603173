"""The journal says which policies came into force, also where no office saw it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.live_policies import LivePolicies
from gateway.office.policy_watch import FILE, PolicyWatch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOOLS = "client_tools: listed\n"


class Kept:
    """The events that were appended."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: bytes) -> None:
        self.events.append(json.loads(event))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "policies"
    found.mkdir()
    return found


def a_watch(folder: Path, data: Path, append: Callable[[bytes], None]) -> tuple[PolicyWatch, LivePolicies]:
    policies = LivePolicies(folder)
    return PolicyWatch(policies, data, append, lambda: NOW), policies


def test_the_first_look_notes_what_is_in_force_and_tells_nothing(folder: Path, tmp_path: Path) -> None:
    kept = Kept()
    watch, policies = a_watch(folder, tmp_path, kept)
    watch.run()
    assert kept.events == []
    assert json.loads((tmp_path / FILE).read_bytes()) == policies.revisions


def test_a_change_is_told_once_with_what_held_before(folder: Path, tmp_path: Path) -> None:
    kept = Kept()
    watch, policies = a_watch(folder, tmp_path, kept)
    watch.run()
    before = policies.revisions["tools.yaml"]
    (folder / "tools.yaml").write_text(TOOLS)
    for _ in range(4):
        watch.run()
    assert kept.events == [
        {
            "event": "policy",
            "at": "2026-03-01T00:00:00Z",
            "file": "tools.yaml",
            "before": before,
            "now": policies.revisions["tools.yaml"],
            "policies": policies.revision,
        }
    ]


def test_what_changed_while_no_office_ran_is_told_by_the_next_one(folder: Path, tmp_path: Path) -> None:
    a_watch(folder, tmp_path, Kept())[0].run()
    (folder / "tools.yaml").write_text(TOOLS)
    kept = Kept()
    a_watch(folder, tmp_path, kept)[0].run()
    assert [event["file"] for event in kept.events] == ["tools.yaml"]


def test_a_wrong_file_is_no_change(folder: Path, tmp_path: Path) -> None:
    kept = Kept()
    watch, _ = a_watch(folder, tmp_path, kept)
    watch.run()
    (folder / "tools.yaml").write_text("client_tools: perhaps")
    for _ in range(3):
        watch.run()
    assert kept.events == []


@pytest.mark.parametrize("damage", [b"{", b'{"tools.yaml": "\xff"}'], ids=["torn", "no UTF-8"])
def test_what_was_noted_and_cannot_be_read_is_noted_anew(folder: Path, tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    kept = Kept()
    watch, policies = a_watch(folder, tmp_path, kept)
    watch.run()
    assert (kept.events, json.loads((tmp_path / FILE).read_bytes())) == ([], policies.revisions)
