"""What is remembered of a caller can be read off the records: each exchange is heard again as it was heard first."""

from datetime import UTC, datetime, timedelta

import msgspec

from gateway.levels_from_records import Heard, heard, heard_again, milliseconds, recent, standing, state_after
from policies.modulation import parsed_modulation, read_modulation
from policies.modulation.homeostasis import NEW, emission, regulated
from storage.bundles import Search
from tests.docs.blocks import ROOT

POLICY = read_modulation(ROOT / "policies" / "modulation.yaml")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_line(
    levels: dict[str, float], seconds: float = 0.0, endpoint: str = "chat.completions", hook: str = "shape"
) -> bytes:
    started = NOON + timedelta(seconds=seconds)
    trail = [
        {"hook": "observe", "plugin": "signals", "answer": {"answer": "signals", "levels": levels}},
        {"hook": hook, "plugin": "modulation", "answer": {"answer": "nudge", "because": "stress", "changes": []}},
    ]
    record = {"event": "ended", "audit_id": f"A-{seconds}", "started": started, "endpoint": endpoint, "trail": trail}
    return msgspec.json.encode({**record, "method": "POST", "caller": "p-1", "signals": levels})


def an_exchange(seconds: float = 0.0, **levels: float) -> Heard:
    found = heard(a_line(levels, seconds))
    assert found is not None
    return found


class Lines:
    """Answers with the newest first, as the journal does."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = lines
        self.searched: list[Search] = []

    def find(self, audit_id: str) -> bytes | None:
        return None

    def listed(self, search: Search, limit: int) -> list[bytes]:
        self.searched.append(search)
        return list(reversed(self.lines))


def test_hearing_records_again_leads_to_what_the_worker_remembered() -> None:
    came = [(0.0, {"stress": 0.8}), (0.2, {"stress": 0.1}), (0.5, {"stress": 0.75, "urgency": 0.4}), (0.7, {})]
    state = NEW
    for seconds, levels in came:
        now_ms = milliseconds(NOON) + round(seconds * 1000)
        said = [emission(POLICY, name, level, "signals", now_ms, f"A-{seconds}") for name, level in levels.items()]
        state, _ = regulated(POLICY, state, said, now_ms)
    assert state_after(POLICY, [an_exchange(seconds, **levels) for seconds, levels in came]) == state
    assert state.levels["stress"].level == 0.8


def test_a_fall_waits_and_is_told_as_held_back() -> None:
    _, found = heard_again(POLICY, state_after(POLICY, [an_exchange(stress=0.8)]), an_exchange(0.2, stress=0.1))
    assert found.levels["stress"] == 0.8
    assert [(each.name, each.reason) for each in found.damped] == [("stress", "cooldown")]


def test_what_was_refused_before_a_policy_was_asked_is_not_remembered() -> None:
    for line in (a_line({"stress": 0.8}, hook="judge"), a_line({"stress": 0.8}, endpoint="embeddings")):
        found = heard(line)
        assert found is not None
        assert state_after(POLICY, [found]) == NEW


def test_levels_that_do_not_act_are_not_remembered() -> None:
    line = a_line({"stress": 0.8}).replace(b'"answer":"signals"', b'"answer":"signals","applied":false')
    line = line.replace(b'"signals":{"stress":0.8}', b'"signals":{}')
    found = heard(line)
    assert found is not None
    assert found.emissions(POLICY) == []


def test_levels_stand_until_their_time_is_over() -> None:
    state = state_after(POLICY, [an_exchange(stress=0.8)])
    now_ms = milliseconds(NOON)
    assert list(standing(state, now_ms + 4999)) == ["stress"]
    assert standing(state, now_ms + 5000) == {}


def test_the_last_exchanges_are_heard_the_oldest_first() -> None:
    lines = Lines(a_line({"stress": 0.8}, 0), b"no record", a_line({"stress": 0.1}, 1))
    assert [each.audit_id for each in recent(lines, "p-1", NOON)] == ["A-0", "A-1"]
    (search,) = lines.searched
    assert (search.caller, search.since) == ("p-1", NOON - timedelta(minutes=1))


def test_the_policy_that_is_given_says_how_long_a_level_stands() -> None:
    text = (ROOT / "policies" / "modulation.yaml").read_text()
    brief = parsed_modulation(text.replace("ttl_ms: 5000", "ttl_ms: 100"))
    assert brief.revision != POLICY.revision
    assert standing(state_after(brief, [an_exchange(stress=0.8)]), milliseconds(NOON) + 150) == {}


def test_calm_exchanges_of_a_calm_caller_leave_nothing_behind() -> None:
    assert state_after(POLICY, [an_exchange(number / 10, stress=0.1, trust=0.15) for number in range(50)]) == NEW


def test_what_a_late_plugin_found_counts_and_nobody_is_named_for_it() -> None:
    late = b'"fault":"overran","answer":{"answer":"signals"'
    line = a_line({"stress": 0.8}).replace(b'"answer":{"answer":"signals"', late)
    found = heard(line)
    assert found is not None
    assert [(each.name, each.level, each.source) for each in found.emissions(POLICY)] == [("stress", 0.8, "assumed")]
