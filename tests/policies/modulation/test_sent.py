"""What a request carries of a decision: what was decided and the model takes, of the client's own only tighter."""

from typing import Any

import msgspec
import pytest
from hypothesis import strategies as some

from policies.modulation import Client, Decision, Policy, StyleDelta, decided, load_modulation, strict_cap
from policies.modulation.sent import EVERYTHING, LONGER, SHORTER
from tests.builders.cases import cases, holds
from tests.builders.modulation_policies import a_policy, levels, policies, signals

POLICY = load_modulation(None)
RISKY = {"alignment_risk": 0.6}
HURRIED = {"urgency": 0.8}


def sent(
    present: dict[str, float], model: str | None, set_by_client: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    policy = more.pop("policy", POLICY)
    client = Client(set_by_client or {}, more.pop("takes", EVERYTHING), more.pop("unseen", False))
    found = decided(policy, present, model, client, **more)
    return {each.what: each.value for each in found.sent if each.what != "preamble"}


def preamble(present: dict[str, float], model: str = "gpt-4o-mini", **more: Any) -> str | None:
    found = decided(POLICY, present, model, **more).sent
    return next((each.value for each in found if each.what == "preamble"), None)


def test_a_calm_request_carries_nothing_new() -> None:
    assert decided(POLICY, {"trust": 0.1}, "gpt-4o-mini") == Decision(POLICY.revision, "balanced")


def test_what_was_decided_is_written_where_the_client_set_nothing() -> None:
    assert sent(RISKY, "gpt-4o-mini") == {"temperature": pytest.approx(0.49), "top_p": pytest.approx(0.52)}


@pytest.mark.parametrize(
    ("own", "carried"),
    [
        (0.9, 0.49),
        (0.49, None),
        (0.1, None),
        (0, None),
        (2, 0.49),
        (None, 0.49),
        ("1.9", 0.49),
        (True, 0.49),
        ([2], 0.49),
    ],
)
def test_what_the_client_set_is_only_ever_lowered(own: Any, carried: float | None) -> None:
    assert sent(RISKY, "gpt-4o-mini", {"temperature": own}).get("temperature") == (
        None if carried is None else pytest.approx(carried)
    )


def test_a_limit_in_quotes_is_none_that_a_policy_trusts() -> None:
    assert sent(HURRIED, "gpt-4o", {"max_output_tokens": "20000"})["max_output_tokens"] == 700
    assert sent(HURRIED, "o3", {"max_output_tokens": "20000"})["max_output_tokens"] == 4096
    assert sent({"alignment_risk": 1.0}, "gpt-4o", {"n": "5"})["n"] == 1


def test_what_has_no_tighter_direction_is_left_to_the_client() -> None:
    assert sent(HURRIED, "o3", {"reasoning_effort": "high"}) == {}
    assert sent({"urgency": 1.0}, "o3") == {"reasoning_effort": "low"}


def test_an_effort_that_a_model_has_the_default_s_word_for_is_not_written() -> None:
    assert sent({"alignment_risk": 0.1}, "o3") == {}
    assert sent({"alignment_risk": 0.1}, "gpt-5") == {}
    assert sent({"alignment_risk": 0.59}, "gpt-5") == {"reasoning_effort": "high"}


def test_a_model_that_thinks_is_asked_to_think_less_where_its_answer_is_to_be_shorter() -> None:
    assert sent(HURRIED, "o3") == {"reasoning_effort": "low"}


def test_a_model_that_refuses_temperature_is_sent_effort_in_its_own_words() -> None:
    assert sent(RISKY, "gpt-5-mini") == {"reasoning_effort": "high"}
    assert sent({"urgency": 1.0}, "gpt-5") == {"reasoning_effort": "low", "verbosity": "low"}


def test_a_model_that_nobody_knows_is_left_alone_and_the_decision_still_stands() -> None:
    found = decided(POLICY, RISKY, "llama-4")
    assert (found.sent, found.model, found.safety_mode) == ((), None, "strict")
    assert decided(POLICY, RISKY, None).sent == ()


def test_of_a_model_that_thinks_the_limit_is_lowered_only_where_there_is_one_and_not_far() -> None:
    assert "max_output_tokens" not in sent(HURRIED, "o3")
    assert sent(HURRIED, "o3", {"max_output_tokens": 20_000})["max_output_tokens"] == 4096
    assert "max_output_tokens" not in sent(HURRIED, "o3", {"max_output_tokens": 3000})
    assert sent(HURRIED, "gpt-4o", {"max_output_tokens": 20_000})["max_output_tokens"] == 700


def test_instead_of_a_limit_a_model_that_thinks_is_asked_to_be_short() -> None:
    policy = a_policy(maps={"urgency": {"reasoning_effort": "current"}})
    assert sent(HURRIED, "gpt-5", policy=policy) == {"verbosity": "low"}
    assert sent(HURRIED, "o3", policy=policy) == {"reasoning_effort": "low"}
    assert sent(HURRIED, "gpt-5", {"verbosity": "high"}, policy=policy) == {}
    assert sent({"stress": 0.2}, "gpt-5") == {}


def test_candidates_are_capped_where_the_client_asked_for_several() -> None:
    assert sent(RISKY, "gpt-4o-mini", {"n": 3, "best_of": 5})["n"] == 1
    assert sent(RISKY, "gpt-4o-mini", {"n": 3, "best_of": 5})["best_of"] == 1
    assert "n" not in sent(RISKY, "gpt-4o-mini")


def test_only_what_the_endpoint_takes_is_carried() -> None:
    assert sent(RISKY, "gpt-4o-mini", takes=frozenset(("top_p",))) == {"top_p": pytest.approx(0.52)}


def test_what_a_stored_prompt_may_set_is_not_written_over() -> None:
    assert sent(RISKY, "gpt-4o-mini", {"top_p": 1.0}, unseen=True) == {"top_p": pytest.approx(0.52)}
    assert sent(HURRIED, "o3", unseen=True) == {}


def test_only_a_mode_other_than_the_default_says_something() -> None:
    assert preamble({"alignment_risk": 0.2}) is None
    assert preamble(RISKY) == POLICY.file.styles.strict.preamble.strip()
    assert preamble({"novelty": 0.9, "trust": 0.9}) == POLICY.file.styles.creative.preamble.strip()
    assert preamble(RISKY, "o1-mini") is None
    assert preamble({}, caps=[strict_cap("flag", "set")]) == POLICY.file.styles.strict.preamble.strip()


def test_stop_sequences_of_a_style_join_those_of_the_client() -> None:
    styles = msgspec.to_builtins(POLICY.file.styles)
    styles["strict"]["stop"] = ["END", "STOP"]
    policy = a_policy(styles=styles)
    assert sent(RISKY, "gpt-4o", policy=policy)["stop"] == ["END", "STOP"]
    assert sent(RISKY, "gpt-4o", {"stop": "\n"}, policy=policy)["stop"] == ["\n", "END", "STOP"]
    assert sent(RISKY, "gpt-4o", {"stop": ["a", "b", "END"]}, policy=policy)["stop"] == ["a", "b", "END", "STOP"]
    assert "stop" not in sent(RISKY, "gpt-4o", {"stop": list("abcd")}, policy=policy)
    assert "stop" not in sent(RISKY, "o3", policy=policy)
    assert "stop" not in sent(HURRIED, "gpt-4o", policy=policy)


def test_a_leaning_of_the_ratings_is_a_word_where_the_model_knows_it_and_else_a_sentence() -> None:
    shorter, longer = StyleDelta(verbosity=-0.2), StyleDelta(verbosity=0.15)
    assert sent({}, "gpt-5", feedback=shorter) == {"verbosity": "low"}
    assert preamble({}, "gpt-5", feedback=shorter) is None
    assert preamble({}, "gpt-4o", feedback=shorter) == SHORTER
    assert preamble({}, "gpt-4o", feedback=longer) == LONGER
    assert preamble({}, "gpt-4o", feedback=StyleDelta(verbosity=0.05)) is None
    assert (preamble(RISKY, "gpt-4o", feedback=longer) or "").endswith(LONGER)


def test_everything_that_is_carried_names_who_decided_it() -> None:
    found = decided(POLICY, RISKY | {"urgency": 0.8}, "gpt-4o-mini", Client({"temperature": 0.9}))
    assert {each.what: (each.before, each.settled.signal) for each in found.sent} == {
        "temperature": (0.9, "alignment_risk"),
        "top_p": (None, "alignment_risk"),
        "max_output_tokens": (None, "urgency"),
        "preamble": (None, "alignment_risk"),
    }
    assert found.model is not None
    assert "gpt-4o*" in found.model
    assert found.of("planner_beam") is not None


MODELS = some.sampled_from(("gpt-4o", "o3", "gpt-5", "o1-mini", "gpt-3.5-turbo", "gpt-3.5-turbo-instruct", "llama"))
own = some.none() | some.integers(0, 5000) | some.floats(0, 2)
clients = some.fixed_dictionaries({}, optional={"temperature": own, "top_p": own, "max_output_tokens": own, "n": own})


@cases(120)
def test_more_risk_never_makes_a_request_looser_for_any_client_and_model(cases: int) -> None:
    def claim(
        policy: Policy, present: dict[str, float], risks: tuple[float, float], client: dict[str, Any], model: str
    ) -> None:
        def carried(risk: float) -> dict[str, float]:
            """Gives what the model goes by: what is carried, else the client's own, else the API's default."""
            of_api = {"temperature": 1.0, "top_p": 1.0, "max_output_tokens": float("inf"), "n": 1.0}
            of_client = {name: value for name, value in client.items() if value is not None}
            changed = {} if risk == 0 else {"alignment_risk": risk}
            return of_api | of_client | sent(present | changed, model, client, policy=policy)

        present.pop("alignment_risk", None)
        steps = [carried(risk) for risk in (0.0, *sorted(risks))]
        for name in ("temperature", "top_p", "max_output_tokens", "n"):
            values = [step[name] for step in steps]
            assert values == sorted(values, reverse=True), (name, values)

    holds(claim, cases, policies(), signals, some.tuples(levels, levels), clients, MODELS)
