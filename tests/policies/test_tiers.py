"""What a tier carries: what stands at its name and at every name before it in the order."""

from pathlib import Path

import pytest

from policies.document import DocumentError
from policies.tiers import Tiers, load_tiers, matches

TABLE = """
order: [T1, T2, T3]
models:
  T1: [gpt-4o-mini, "text-*"]
  T3: ["*"]
endpoints:
  T1: [chat.completions]
  T2: ["files*"]
model_endpoints: [chat.completions]
"""


def tiers(folder: Path, table: str = TABLE) -> Tiers:
    (folder / "tiers.yaml").write_text(table)
    return load_tiers(folder)


def test_a_tier_carries_what_the_lower_ones_carry(tmp_path: Path) -> None:
    table = tiers(tmp_path)
    assert table.models("T1") == table.models("T2") == ("gpt-4o-mini", "text-*")
    assert table.models("T3") == ("gpt-4o-mini", "text-*", "*")
    carried = {
        tier: [table.carries_endpoint(tier, name) for name in ("chat.completions", "files.{id}")]
        for tier in table.order
    }
    assert carried == {"T1": [True, False], "T2": [True, True], "T3": [True, True]}


def test_a_tier_that_nobody_knows_carries_nothing(tmp_path: Path) -> None:
    table = tiers(tmp_path)
    assert (table.knows("T1"), table.knows("T9")) == (True, False)
    assert (table.models("T9"), table.carries_endpoint("T9", "chat.completions")) == ((), False)


def test_endpoints_that_need_a_model_are_named(tmp_path: Path) -> None:
    table = tiers(tmp_path)
    assert (table.needs_model("chat.completions"), table.needs_model("files")) == (True, False)


@pytest.mark.parametrize(
    ("patterns", "name", "fits"),
    [
        (("gpt-4o",), "gpt-4o", True),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("gpt-4o*",), "gpt-4o-mini", True),
        (("gpt-4o",), "GPT-4o", False),
        (("ft:*:acme::*",), "ft:gpt-4o:acme::id", True),
        (("*",), "", True),
        (("threads.{id}",), "threads.{id}", True),
        ((), "gpt-4o", False),
        (("a", "b"), "b", True),
    ],
)
def test_a_pattern_fits_the_whole_name_in_its_spelling(patterns: tuple[str, ...], name: str, fits: bool) -> None:
    assert matches(patterns, name) is fits


@pytest.mark.parametrize("part", ["models", "endpoints"])
def test_a_tier_outside_of_the_order_is_an_error(tmp_path: Path, part: str) -> None:
    wrong = TABLE.replace(f"{part}:\n  T1", f"{part}:\n  T7")
    with pytest.raises(DocumentError, match=rf"tiers\.yaml, {part}\.T7: unknown tier; known: T1, T2, T3"):
        tiers(tmp_path, wrong)


def test_a_wrong_key_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"tiers\.yaml, line 2, ordr: unknown key"):
        tiers(tmp_path, TABLE.replace("order:", "ordr:"))


def test_the_shipped_table_carries_everything_and_needs_models_where_models_work() -> None:
    table = load_tiers(None)
    assert table.order == ("T1", "T2", "T3", "T4", "T5")
    assert all(table.models(tier) == ("*",) and table.carries_endpoint(tier, "other") for tier in table.order)
    assert all(map(table.needs_model, ("chat.completions", "responses", "embeddings", "audio.transcriptions", "other")))
    assert not any(map(table.needs_model, ("models", "files", "batches.{batch_id}.cancel")))


def test_what_runs_models_that_stand_in_a_file_is_not_for_keys_of_certain_models() -> None:
    table = load_tiers(None)
    assert all(map(table.needs_model, ("batches", "evals", "evals.{eval_id}.runs", "fine_tuning.alpha.graders.run")))
