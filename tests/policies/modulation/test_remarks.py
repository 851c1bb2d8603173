"""What of a policy can never do anything is named."""

from policies.modulation import load_modulation
from policies.modulation.remarks import Remark, remarks_on
from tests.builders.modulation_policies import a_policy


def test_of_the_shipped_policy_everything_can_act() -> None:
    assert remarks_on(load_modulation(None)) == []


def test_a_risk_that_only_loosens_is_named() -> None:
    policy = a_policy(maps={"alignment_risk": {"planner_beam": "6 - 3 * x"}})
    assert remarks_on(policy) == [
        Remark("maps.alignment_risk.planner_beam", "never tighter than the default, so that it never acts by itself.")
    ]


def test_a_map_that_the_bounds_hold_at_one_value_is_named() -> None:
    policy = a_policy(maps={"trust": {"max_output_tokens": "5000 + 1000 * x"}})
    assert remarks_on(policy) == [Remark("maps.trust.max_output_tokens", "2048 at every level, within the bounds.")]


def test_a_signal_without_weight_is_named() -> None:
    signals = {name: {"weight": 1.0, "cooldown_ms": 0} for name in load_modulation(None).file.signals.__struct_fields__}
    signals["trust"]["weight"] = 0
    assert [remark.place for remark in remarks_on(a_policy(signals=signals))] == ["signals.trust.weight"]


def test_a_pattern_that_is_never_reached_is_named() -> None:
    policy = a_policy(models=[{"models": ["gpt-4*"]}, {"models": ["o3", "gpt-4o*"]}])
    assert remarks_on(policy) == [Remark("models[1].models", "'gpt-4o*' is never reached: 'gpt-4*' comes first.")]
