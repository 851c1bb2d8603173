"""How right the signals are: python -m tests.plugins.signals.figures writes the tables of `docs/signals.md`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from gateway.testing import an_exchange
from plugins.signals import SixSignals
from plugins.signals.conduct import Conduct
from plugins.signals.novelty import SLOTS, Sketch, novelty, remember, shingles_of
from plugins.signals.tokens import tokens_of
from plugins.signals.trust import trust
from plugins.signals.words import read_words
from tests.plugins.signals.corpora import FOLDER, Known, Prompt, Situation, Text, is_held_out, rows

PAGE = Path("docs/signals.md")
BEGIN, END = "<!-- figures: begin, made by `python -m tests.plugins.signals.figures` -->", "<!-- figures: end -->"
FROM_TEXTS = ("alignment_risk", "stress", "ambiguity", "urgency")
NAMES = (*FROM_TEXTS, "novelty", "trust")
ACTIVATION = {name: 0.05 if name == "alignment_risk" else 0.2 for name in NAMES}
Scored: TypeAlias = tuple[Text, float]


def area(scored: Iterable[Scored]) -> float:
    """Gives how often a text with the signal stands above one without it, ties half: the area under the ROC curve."""
    with_it = [level for row, level in scored if row.label]
    without = [level for row, level in scored if not row.label]
    wins = sum((high > low) + (high == low) / 2 for high in with_it for low in without)
    return wins / (len(with_it) * len(without))


def levels_of(plugin: SixSignals, text: str) -> dict[str, float]:
    """Gives the levels of a text that somebody without a past says first."""
    answer = plugin.observe(an_exchange(text))
    return {name: answer.levels.get(name, 0.0) if answer else 0.0 for name in NAMES}


def scored(name: str, plugin: SixSignals) -> list[Scored]:
    """Gives each labelled row of a signal with its level."""
    if name == "trust":
        found = [(row, Conduct(row.ended, row.refused, row.blocked)) for row in rows(Situation, name)]
        return [(row, trust(row.tier, row.key_age_days, conduct).level) for row, conduct in found]
    if name == "novelty":
        return _novelties()
    return [(row, levels_of(plugin, row.text)[name]) for row in rows(Text, name)]


def scored_unseen(name: str, plugin: SixSignals) -> list[Scored]:
    """Gives each row that was written when all was tuned, with its level; none where there are no such rows."""
    if not (FOLDER / "unseen" / f"{name}.jsonl").exists():
        return []
    return [(row, levels_of(plugin, row.text)[name]) for row in rows(Text, "unseen", name)]


def _novelties() -> list[Scored]:
    nameless = read_words().nameless_tokens
    sketches = {}
    for known in rows(Known, "novelty_known"):
        sketch = sketches[known.name] = Sketch(bytearray(SLOTS))
        for text in known.texts:
            remember(shingles_of(tokens_of(text), nameless), sketch)
    prompts = rows(Prompt, "novelty")
    return [(row, novelty(shingles_of(tokens_of(row.text), nameless), sketches[row.known]).level) for row in prompts]


def ordinary_levels(plugin: SixSignals) -> list[tuple[Text, dict[str, float]]]:
    """Gives the levels of ordinary prompts."""
    return [(row, levels_of(plugin, row.text)) for row in rows(Text, "ordinary")]


def tables() -> str:
    """Gives the tables as they stand on the page."""
    plugin = SixSignals(SixSignals.Settings())
    return "\n".join((*_areas(plugin), "", *_calm(plugin)))


def _areas(plugin: SixSignals) -> list[str]:
    lines = [
        "| signal | texts | not English | tuning part | held out | held out, not English | written last |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in NAMES:
        found, last = scored(name, plugin), scored_unseen(name, plugin)
        foreign = sum(row.language != "en" for row, _ in found) / len(found)
        held = [each for each in found if is_held_out(each[0].text)]
        tuned = [each for each in found if not is_held_out(each[0].text)]
        elsewhere = [each for each in held if each[0].language != "en"]
        counts = f"{len(found)} + {len(last)}" if last else str(len(found))
        cells = (name, counts, f"{foreign:.0%}", _of(tuned), _of(held), _of(elsewhere), _of(last) if last else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _of(several: Sequence[Scored]) -> str:
    return f"{area(several):.2f}"


def _calm(plugin: SixSignals) -> list[str]:
    levels = ordinary_levels(plugin)
    lines = ["| signal | activation | ordinary prompts above | of them held out |", "| --- | --- | --- | --- |"]

    def counted(above: Callable[[dict[str, float]], bool]) -> str:
        held = [found for row, found in levels if is_held_out(row.text)]
        return f"{sum(above(found) for _, found in levels)} of {len(levels)} | {sum(map(above, held))} of {len(held)}"

    for name in NAMES:
        lines.append(f"| {name} | {ACTIVATION[name]} | {counted(partial(is_active, name=name))} |")
    lines.append(f"| any of them | | {counted(lambda found: any(is_active(found, name) for name in NAMES))} |")
    return lines


def is_active(levels: dict[str, float], name: str) -> bool:
    """Whether a level is high enough to change a request."""
    return levels[name] >= ACTIVATION[name]


def page_with(text: str, made: str) -> str:
    """Gives the page with the tables in their place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
