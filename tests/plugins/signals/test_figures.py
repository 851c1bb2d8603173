"""The signals are right often enough on texts that they were not tuned on, and calm on ordinary prompts."""

import pytest

from plugins.signals import SixSignals
from plugins.signals.novelty import SLOTS, Sketch, novelty, remember, shingles_of
from plugins.signals.tokens import tokens_of
from plugins.signals.words import read_words
from tests.plugins.signals.corpora import Text, is_held_out, rows
from tests.plugins.signals.figures import (
    ACTIVATION,
    FROM_TEXTS,
    NAMES,
    PAGE,
    Scored,
    area,
    is_active,
    ordinary_levels,
    page_with,
    scored,
    scored_unseen,
    tables,
)

ENOUGH = 0.8
ENOUGH_OF_WHAT_CAME_LAST = 0.75
CALM = 0.02


@pytest.fixture(scope="module")
def plugin() -> SixSignals:
    return SixSignals(SixSignals.Settings())


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_ranks_texts_that_were_held_out(name: str, plugin: SixSignals) -> None:
    held = [each for each in scored(name, plugin) if is_held_out(each[0].text)]
    assert len(held) > 40
    assert area(held) >= ENOUGH


@pytest.mark.parametrize("name", FROM_TEXTS)
def test_a_signal_ranks_texts_that_were_written_when_all_was_tuned(name: str, plugin: SixSignals) -> None:
    assert area(scored_unseen(name, plugin)) >= ENOUGH_OF_WHAT_CAME_LAST


@pytest.mark.parametrize("name", NAMES)
def test_the_labelled_set_is_large_and_broad_enough(name: str, plugin: SixSignals) -> None:
    found = [row for row, _ in scored(name, plugin)]
    assert len({row.text for row in found}) == len(found) >= 100
    assert {row.domain for row in found} == {"support", "programming", "office"}
    assert sum(row.language != "en" for row in found) >= len(found) / 5
    assert len(found) / 3 < sum(row.label for row in found) < 2 * len(found) / 3


@pytest.mark.parametrize("name", FROM_TEXTS)
def test_what_was_written_last_is_in_no_other_set(name: str) -> None:
    tuned = {row.text for row in rows(Text, name)} | {row.text for row in rows(Text, "ordinary")}
    assert tuned.isdisjoint(row.text for row in rows(Text, "unseen", name))


def test_ordinary_prompts_stay_below_activation(plugin: SixSignals) -> None:
    levels = [found for _, found in ordinary_levels(plugin)]
    assert len(levels) >= 300
    active = [found for found in levels if any(is_active(found, name) for name in NAMES)]
    assert len(active) <= CALM * len(levels)


def test_ordinary_prompts_of_one_caller_after_the_other_are_nothing_new() -> None:
    sketch, nameless = Sketch(bytearray(SLOTS)), read_words().nameless_tokens
    active = 0
    prompts = rows(Text, "ordinary")
    for row in prompts:
        shingles = shingles_of(tokens_of(row.text), nameless)
        active += novelty(shingles, sketch).level >= ACTIVATION["novelty"]
        remember(shingles, sketch)
    assert active <= CALM * len(prompts)


def test_the_area_is_that_of_ranks() -> None:
    def some(*pairs: tuple[int, float]) -> list[Scored]:
        return [(Text("", "", "", label), level) for label, level in pairs]

    assert area(some((1, 0.9), (0, 0.1))) == 1.0
    assert area(some((1, 0.1), (0, 0.9))) == 0.0
    assert area(some((1, 0.5), (0, 0.5))) == 0.5
    assert area(some((1, 0.9), (1, 0.2), (0, 0.5), (0, 0.1))) == 0.75


def test_the_page_has_the_figures_of_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with(page, tables()), "run `python -m tests.plugins.signals.figures`"
