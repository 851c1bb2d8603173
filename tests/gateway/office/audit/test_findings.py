"""What stands in several places of a record is told once."""

from gateway.office.audit.findings import after_of, changes_of, decisions_of, degraded_by, refused_by, signals_of
from gateway.office.audit.record import Change, Signal, record_of
from tests.gateway.office.audit.lines import a_step, an_ended

LEVELS = {"answer": "signals", "levels": {"stress": 0.4, "urgency": 2}, "because": {"stress": "many retries"}}


def test_signals_come_from_the_trail_with_their_plugin_and_reason_the_strongest_first() -> None:
    louder = {"answer": "signals", "levels": {"stress": 0.9}, "because": {}}
    record = record_of(an_ended(trail=[a_step("observe", "load", LEVELS), a_step("observe", "text", louder)]))
    assert signals_of(record) == [("urgency", Signal(1.0, "load")), ("stress", Signal(0.9, "text"))]


def test_a_level_that_the_record_states_counts_and_keeps_the_reason_of_the_trail() -> None:
    record = record_of(an_ended(signals={"stress": 0.3}, trail=[a_step("observe", "load", LEVELS)]))
    assert dict(signals_of(record))["stress"] == Signal(0.3, "load", "many retries")


def test_levels_that_are_none_are_left_out() -> None:
    odd = {"answer": "signals", "levels": {"a": "high", "b": True, "c": None}}
    assert signals_of(record_of(an_ended(trail=[a_step("observe", "p", odd), a_step("judge", "p", LEVELS)]))) != []
    assert signals_of(record_of(an_ended(trail=[a_step("observe", "p", odd)]))) == []


def test_changes_come_from_the_nudges_where_the_record_lists_none() -> None:
    nudge = {
        "answer": "nudge",
        "because": "risky",
        "changes": [
            {"type": "set", "path": ["temperature"], "value": 0.2},
            {"type": "remove", "path": ["tools", 0]},
        ],
    }
    trail = [a_step("shape", "modulation", nudge)]
    assert changes_of(record_of(an_ended(trail=trail))) == [
        Change("temperature", after=0.2, because="risky", plugin="modulation", hook="shape"),
        Change("tools.0", because="risky", plugin="modulation", hook="shape", kind="remove"),
    ]
    listed = [{"parameter": "top_p", "before": 1, "after": 0.5}]
    assert [change.parameter for change in changes_of(record_of(an_ended(trail=trail, changes=listed)))] == ["top_p"]


def test_a_nudge_of_shadow_is_told_as_one_with_the_reason_and_the_signal_of_each_change() -> None:
    nudge = {
        "answer": "nudge",
        "because": "stress, urgency",
        "applied": False,
        "reasons": ["stress at 0.5", 3],
        "sources": ["stress", "urgency"],
        "changes": [{"type": "set", "path": [name], "value": 1} for name in ("temperature", "max_tokens", "n")],
    }
    found = changes_of(record_of(an_ended(trail=[a_step("shape", "modulation", nudge)])))
    assert [(each.because, each.signal, each.applied) for each in found] == [
        ("stress at 0.5", "stress", False),
        ("stress, urgency", "urgency", False),
        ("stress, urgency", None, False),
    ]


def test_decisions_and_faults_are_told_and_silence_is_not() -> None:
    trail = [
        a_step("admit", "tier_check"),
        a_step("watch", "words", {"answer": "release"}),
        a_step("watch", "words", {"answer": "redact", "because": "a name"}),
        a_step("observe", "slow", fault="overran"),
    ]
    found = decisions_of(record_of(an_ended(trail=trail)))
    assert [(each.plugin, each.says, each.because, each.grave) for each in found] == [
        ("words", "hid a part of the answer", "a name", False),
        ("slow", "broke (overran)", "its failure policy answered", True),
    ]


def test_the_plugin_that_refused_is_the_one_whose_words_were_answered() -> None:
    refusal = {"answer": "refusal", "message": "No.", "code": "no", "status": 403}
    softer = {**refusal, "message": "Perhaps not."}
    trail = [a_step("allow_tool", "tools", softer), a_step("judge", "rules", refusal)]
    assert refused_by(record_of(an_ended(refusal=refusal, trail=trail))) == "rules"
    assert refused_by(record_of(an_ended(refusal={**refusal, "message": "Else."}, trail=trail))) is None
    assert refused_by(record_of(an_ended(trail=trail))) is None


def test_what_was_degraded_has_its_reasons() -> None:
    broken = [a_step("observe", "slow", fault="overran"), a_step("observe", "slow", fault="overran")]
    assert degraded_by(record_of(an_ended(degraded=["no memory"], trail=broken))) == [
        "no memory",
        "slow broke in observe (overran)",
    ]
    assert degraded_by(record_of(an_ended(degraded=True))) == ["the record does not say why"]
    assert degraded_by(record_of(an_ended())) == []


def test_what_became_of_a_parameter_is_told_in_words() -> None:
    assert after_of(Change("temperature", after=0.2)) == "0.2"
    assert after_of(Change("tools", kind="remove")) == "removed"
    assert after_of(Change("messages", after="[object of 2]", kind="insert")) == "[object of 2] put in"
