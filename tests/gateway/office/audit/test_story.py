"""The sentences say what happened, and nothing that the record does not know."""

import pytest

from gateway.office.audit.record import record_of
from gateway.office.audit.story import HEADLINES, headline, story
from gateway.office.audit.words import OUTCOMES
from tests.gateway.office.audit.lines import ATTEMPT, a_step, an_ended


def told(**members: object) -> str:
    return " ".join(story(record_of(an_ended(**members))))


def test_a_plain_answer_is_told_from_who_asked_to_what_it_cost() -> None:
    said = told(cost=0.000123, streamed=True)
    for part in (
        "On 5 March 2026, 12:00:00 UTC the caller key:mine (tier T2) asked for gpt-4o-mini",
        "at the endpoint chat.completions, with the answer to come word by word.",
        "1 plugin looked at it (sign_in), and none changed it.",
        "answered (status 200) within 760 ms; the model that worked was gpt-4o-mini-2024-07-18.",
        "The model read 1\u202f200 tokens, 1\u202f024 of them from its cache, and wrote 70.",
        "That cost $0.000123.",
        "Of 768 ms in all, 0.40 ms were the gateway's own",
    ):
        assert part in said


def test_what_is_not_known_is_not_told() -> None:
    said = told(caller=None, model=None, endpoint="other", usage=None, overhead_ms=None, attempts=[], trail=[])
    assert said == "On 5 March 2026, 12:00:00 UTC someone whom the gateway did not know sent a request."


def test_a_refusal_names_who_refused_and_why_and_whether_the_model_was_asked() -> None:
    refusal = {"answer": "refusal", "message": "Your key does not include o3.", "code": "no", "status": 403}
    trail = [a_step("admit", "tier_check", refusal)]
    said = told(outcome="refused", refusal=refusal, trail=trail, attempts=[])
    assert "The plugin tier_check turned it away: Your key does not include o3. The model was never asked." in said
    assert "The model had answered by then." in told(outcome="refused", refusal=refusal)
    assert "The gateway turned it away" in told(outcome="refused", refusal=refusal)


def test_changes_are_told_as_made_or_only_worked_out() -> None:
    change = {"parameter": "temperature", "before": 1, "after": 0.4}
    assert "changed temperature; the reasons stand below" in told(changes=[change])
    assert "it only watches (shadow mode)" in told(changes=[{**change, "applied": False}])


def test_changes_to_the_answer_are_told_as_such() -> None:
    change = {"parameter": "choices.0.message.content", "after": "[9 characters]", "hook": "review", "in_reply": True}
    said = told(changes=[change])
    assert "Before the answer went out the gateway changed choices.0.message.content in it." in said
    assert "shadow" not in said


def test_a_route_is_told_with_the_target_that_answered() -> None:
    targets = [{"upstream": "default", "model": "gpt-4o"}, {"upstream": "spare"}]
    assert "goes: default (gpt-4o) and spare; number 2 answered." in told(route={"targets": targets, "answered": 1})
    assert "goes: default (gpt-4o)." in told(route={"targets": targets[:1], "answered": 0})


def test_an_unknown_cost_is_told_and_none_at_all_is_not() -> None:
    assert "That cost" in told(cost=0.25, cost_basis="m from 2026-01-01")
    assert "What that cost is not known" in told(cost=None, cost_basis="unknown")
    assert "cost" not in told(cost=None, cost_basis=None)


def test_counts_of_our_own_say_so() -> None:
    assert "counts are the gateway's own" in told(usage={"input_tokens": 1, "output_tokens": 1, "estimated": True})


def test_each_attempt_counts_and_the_last_is_told() -> None:
    failed = {**ATTEMPT, "status": None, "error": "UpstreamTimeout: nothing came", "first_byte_ns": None}
    assert "within 760 ms after 2 attempts" in told(attempts=[failed, ATTEMPT])
    assert "gave no whole answer within 760 ms: UpstreamTimeout: nothing came" in told(attempts=[failed])


def test_a_broken_plugin_is_told() -> None:
    assert "The plugin slow broke (overran) in the step observe." in told(
        trail=[a_step("observe", "slow", fault="overran")]
    )


@pytest.mark.parametrize("outcome", sorted(HEADLINES))
def test_every_outcome_has_its_headline_and_its_badge(outcome: str) -> None:
    said = headline(record_of(an_ended(outcome=outcome)))
    assert said.startswith(HEADLINES[outcome])
    assert outcome in OUTCOMES


def test_the_headline_of_an_upstream_error_that_was_passed_on_says_so() -> None:
    assert headline(record_of(an_ended(status=429))) == "An error of the model server, passed on: status 429"


def test_an_exchange_that_has_not_ended_is_told_as_such() -> None:
    record = record_of(b'{"event":"began","at":"2026-03-05T12:00:00Z","caller":"key:mine","model":"m"}')
    assert headline(record) == "Begun, and not ended yet"
    assert "no word yet of how it ended" in story(record)[1]


def test_tools_that_ran_and_calls_that_were_blocked_are_told() -> None:
    used = [{"name": "retrieval", "began_ns": 1, "took_ns": 2}] * 2
    said = told(tools={"used": used, "blocked": [{"name": "rm"}, {"name": "shell"}]})
    assert "On the way 2 calls of tools ran here: retrieval." in said
    assert "The model wanted more than it may: 2 calls of rm and shell did not get through." in said
    assert "tools" not in told(tools={"allowed": ["retrieval"]})
