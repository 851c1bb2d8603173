"""Two policies are told apart by what they say and by what they do."""

from pathlib import Path

from policies.modulation import Policy, load_modulation, parsed_modulation
from policies.modulation.differences import Effect, differences_of

SHIPPED = (Path(__file__).parents[3] / "policies" / "modulation.yaml").read_text()
BEFORE = load_modulation(None)


def changed(*changes: tuple[str, str]) -> Policy:
    text = SHIPPED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parsed_modulation(text)


def sentences(*changes: tuple[str, str]) -> list[str]:
    return [difference.sentence for difference in differences_of(BEFORE, changed(*changes)).differences]


def test_another_spelling_is_no_difference() -> None:
    found = differences_of(BEFORE, changed(("1 - 0.85 * x", "1.0 - (.85*x)"), ("# A signal acts", "# Acts")))
    assert (found.differences, found.effects, found.before) == ((), (), found.after)


def test_a_difference_is_a_sentence() -> None:
    assert sentences(
        ("weight: 0.9", "weight: 0.5"),
        ("top_p: max(0.2, 1 - 0.8 * x)", "top_p: max(0.2, 1 - 0.9 * x)"),
        ("    top_p: min(1, 0.7 + 0.3 * x)\n", ""),
        ("    memory_write: min(1, 0.5 + 0.5 * x)\n", "    memory_write: min(1, 0.5 + 0.5 * x)\n    top_p: 0.5\n"),
        ("Be short.", "Be brief."),
        ("moderation: high", "moderation: standard"),
    ) == [
        "maps.alignment_risk.top_p becomes max(0.2, 1 - 0.9 * x); it was max(0.2, 1 - 0.8 * x).",
        "maps.novelty.top_p is taken away; it was min(1, 0.7 + 0.3 * x).",
        "signals.stress.weight becomes 0.5; it was 0.9.",
        "styles.strict.preamble has other words.",
        "styles.strict.moderation becomes standard; it was high.",
        "maps.trust.top_p is new: 0.5.",
    ]


def test_models_are_told_apart_by_their_patterns() -> None:
    assert sentences(('"gpt-4.5*", ', "")) == [
        "models.gpt-4.5* is taken away; "
        "it was temperature, top_p, stop, limit: max_completion_tokens, preamble: developer."
    ]
    assert sentences(('"gpt-4.1*", "gpt-4o*"', '"gpt-4o*", "gpt-4.1*"')) == ["models stand in another order."]


def test_what_a_signal_alone_leads_to_is_compared() -> None:
    found = differences_of(BEFORE, changed(("top_p: max(0.3, 0.9 - 0.5 * x)", "top_p: current")))
    assert found.effects == tuple(
        Effect("stress", level, "top_p", value, None)
        for level, value in ((0.25, 0.7875), (0.5, 0.675), (0.75, 0.5625), (1.0, 0.45))
    )
