"""A policy file becomes a policy, or one sentence with file, line, key and column."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from policies.document import DocumentError
from policies.modulation import SIGNALS, load_modulation, parsed_modulation, read_modulation

SHIPPED = (Path(__file__).parents[3] / "policies" / "modulation.yaml").read_text()
POLICY = load_modulation(None)


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = SHIPPED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "modulation.yaml").write_text(text)
    return folder


def test_the_shipped_defaults_are_those_of_the_specification() -> None:
    rules = {name: getattr(POLICY.file.signals, name) for name in SIGNALS}
    assert {name: (rule.weight, rule.cooldown_ms, rule.activation, rule.ttl_ms) for name, rule in rules.items()} == {
        "alignment_risk": (1.0, 0, 0.05, 5000),
        "stress": (0.9, 800, 0.2, 5000),
        "ambiguity": (0.7, 700, 0.2, 5000),
        "urgency": (0.5, 300, 0.2, 5000),
        "novelty": (0.6, 500, 0.2, 5000),
        "trust": (0.4, 500, 0.2, 5000),
    }
    bounds = {lane.parameter.name: (lane.low, lane.high, lane.default) for lane in POLICY.lanes}
    assert bounds == {
        "temperature": (0.0, 1.0, 0.6),
        "top_p": (0.1, 1.0, 0.9),
        "max_output_tokens": (256, 2048, 900),
        "reasoning_effort": (0.0, 1.0, 0.5),
        "retrieval_k": (2, 10, 6),
        "planner_beam": (1, 6, 2),
        "memory_write": (0.1, 1.0, 0.4),
        "safety_mode": (None, None, "balanced"),
        "tool_allowlist": (None, None, {"retrieval", "browser"}),
    }
    styles = {name: POLICY.style(name).moderation for name in ("strict", "balanced", "creative")}
    assert styles == {"strict": "high", "balanced": "standard", "creative": "standard"}
    budget, stabilize = POLICY.file.budget, POLICY.file.stabilize
    assert (budget.emissions, budget.window_ms) == (20, 10_000)
    assert (stabilize.above, stabilize.below, stabilize.exchanges) == (0.7, 0.4, 3)


TEMPERATURE = "temperature: 1 - 0.85 * x"
BOUNDS = "{low: 0.0, high: 1.0, default: 0.6}"
WRONG: list[tuple[str, str, str]] = [
    (
        "temperature: 1 - 0.85 * x",
        "temperature: 1 - 0.85 * y",
        "maps.alignment_risk.temperature: column 12: unknown name 'y'",
    ),
    (
        "temperature: 1 - 0.85 * x",
        "temperature: open('x')",
        "maps.alignment_risk.temperature: column 1: 'open' cannot be",
    ),
    (TEMPERATURE, "temperature: 9 ** 9 ** 9", "temperature: column 3: there are no powers."),
    (TEMPERATURE, "temperature: strict", "temperature: column 1: unknown name 'strict'"),
    (TEMPERATURE, "temperature: [1]", "maps.alignment_risk.temperature: an expression is needed"),
    (TEMPERATURE, "temperature: true", "maps.alignment_risk.temperature: an expression is"),
    (TEMPERATURE, "temperature: .inf", "maps.alignment_risk.temperature: column 1: unknown name 'inf'"),
    (
        "temperature: 1 - 0.85 * x",
        "temprature: 1",
        "maps.alignment_risk.temprature: unknown parameter; known: ",
    ),
    ("  trust:\n    temperature", "  truth:\n    temperature", "maps.truth: unknown signal; known: alignment_risk"),
    ("strict if x > 0.3", "strikt if x > 0.3", "safety_mode: column 1: unknown name 'strikt'"),
    ("tool_allowlist: retrieval\n", "tool_allowlist: retreival\n", "Did you mean 'retrieval'?"),
    (
        "{low: 0.0, high: 1.0, default: 0.6}",
        "{low: 0.0, high: 1.5, default: 0.6}",
        "bounds.temperature.high: 1.5 is not between 0 and 1.",
    ),
    (
        "{low: 0.0, high: 1.0, default: 0.6}",
        "{low: 0.7, high: 0.2, default: 0.6}",
        "bounds.temperature.low: 0.7 is above high, 0.2.",
    ),
    (
        "{low: 0.0, high: 1.0, default: 0.6}",
        "{low: 0.0, high: 0.5, default: 0.6}",
        "bounds.temperature.default: 0.6 is not between",
    ),
    (
        "{low: 0.0, high: 1.0, default: 0.6}",
        "{low: .nan, high: 0.5, default: 0.6}",
        "bounds.temperature.low: nan is not between",
    ),
    ("default: 900}", "default: 900.5}", "bounds.max_output_tokens.default: 900.5 is not a whole number."),
    (
        "default: [retrieval, browser]",
        "default: [retrieval, web]",
        "bounds.tool_allowlist.default[1]: 'web' is not among the names",
    ),
    (
        "safety_mode: {default: balanced}",
        "safety_mode: {default: wild}",
        "bounds.safety_mode.default: invalid enum value",
    ),
    ("weight: 0.9", "weight: 1.9", "signals.stress.weight: expected"),
    ("weight: 0.9", "wieght: 0.9", "signals.stress.wieght: unknown key"),
    ("  creative:\n    preamble", "  kreative:\n    preamble", "styles.kreative: unknown key"),
    ("below: 0.4", "below: 0.8", "stabilize.below: above 0.7, where it begins; it could never hold."),
    ("verbosities: [low, medium, high]", "verbosities: [loud]", "verbosities[0]: invalid enum value 'loud'"),
    ("budget: {emissions: 20, window_ms: 10000}", "", "needs the key `budget`"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG, ids=[sentence[:40] for _, _, sentence in WRONG])
def test_a_fault_is_a_sentence_with_file_line_and_key(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(DocumentError) as wrong:
        load_modulation(written(tmp_path, (old, new)))
    message = str(wrong.value)
    assert message.startswith(str(tmp_path / "modulation.yaml"))
    assert sentence in message
    assert ", line " in message or "needs the key" in message


def test_a_missing_style_is_refused(tmp_path: Path) -> None:
    at = SHIPPED.index("  creative:\n    preamble")
    end = SHIPPED.index("# Three exchanges")
    (tmp_path / "modulation.yaml").write_text(SHIPPED[:at] + SHIPPED[end:])
    with pytest.raises(DocumentError, match=r"line \d+, styles: needs the key `creative`"):
        read_modulation(tmp_path / "modulation.yaml")


def test_the_revision_is_the_same_for_all_spellings_of_a_policy(tmp_path: Path) -> None:
    respelled = SHIPPED.replace("1 - 0.85 * x", "(1.0 - .850*x)").replace("# A signal", "# Another remark. A signal")
    reordered = respelled.replace("names: [retrieval, browser,", "names: [browser, retrieval,")
    assert parsed_modulation(reordered).revision == POLICY.revision
    assert load_modulation(written(tmp_path)).revision == POLICY.revision


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.85", "0.84"), ("weight: 0.9", "weight: 0.8"), ("Be short.", "Be brief."), ("emissions: 20", "emissions: 21")],
)
def test_the_revision_is_another_for_another_policy(old: str, new: str) -> None:
    assert parsed_modulation(SHIPPED.replace(old, new, 1)).revision != POLICY.revision


def test_a_number_may_stand_in_the_place_of_an_expression() -> None:
    policy = parsed_modulation(SHIPPED.replace(TEMPERATURE, "temperature: 0.25", 1))
    found: Any = policy.lane("temperature").maps[0]
    assert found.value(()) == 0.25


def test_the_document_can_be_written_and_read_again() -> None:
    assert msgspec.convert(msgspec.to_builtins(POLICY.file), type(POLICY.file)) == POLICY.file
