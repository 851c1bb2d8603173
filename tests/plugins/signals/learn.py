"""Learns the weights of wordings: python -m tests.plugins.signals.learn [--more FOLDER] writes `wording.bin`.

Logistic regression on the parts of the labelled texts that are not held out. FOLDER may hold more texts as JSON lines,
`{"text", "label"}`, for alignment_risk; where it is not given, the weights are learned from the project's texts alone.
"""

import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec

from plugins.signals.tokens import tokens_of
from plugins.signals.wording import BUCKETS, MOST, SIGNALS, STEP, features_of, written
from tests.fidelity.requests import ordinary_requests
from tests.plugins.signals.corpora import Text, is_held_out, rows

TARGET = Path("plugins/signals/patterns/wording.bin")
ACTIVATION = {"alignment_risk": 0.05, "stress": 0.2, "ambiguity": 0.2, "urgency": 0.2}
EPOCHS, RATE, DECAY = 40, 0.5, 5e-4
FOLDS = 5
MARGIN = 0.4
"""How far the ordinary prompt of the highest score must stay below activation when it was not learned from."""
RISK = "alignment_risk"
FALSE_RISKS = 0.01
"""The share of ordinary prompts that may be taken for a risk: not one would let too many risks pass."""
READ = 4096
"""In characters: of a longer turn the plugin reads both ends."""


class Example(msgspec.Struct, frozen=True):
    """One text as its features, with how much it counts."""

    features: Sequence[int]
    label: int
    counts: float = 1.0


class Model(msgspec.Struct, frozen=True):
    """A weight for each bucket, and what is added to their sum."""

    weights: list[float]
    bias: float

    def score(self, features: Sequence[int]) -> float:
        """Gives the sum of the weights, by the root of their number."""
        return self.bias + sum(self.weights[at] for at in features) / math.sqrt(len(features))


def learned(examples: Iterable[Example], seed: int = 1) -> Model:
    """Gives the model of the examples; both labels count the same however many examples they have."""
    data = list(examples)
    ones = sum(example.label for example in data)
    balance = (len(data) / (2 * (len(data) - ones)), len(data) / (2 * ones))
    order = random.Random(seed)
    weights, bias = [0.0] * BUCKETS, 0.0
    for epoch in range(EPOCHS):
        order.shuffle(data)
        rate = RATE / (1 + epoch / 10)
        for example in data:
            share = 1 / math.sqrt(len(example.features))
            score = bias + share * sum(weights[at] for at in example.features)
            chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
            off = max(-4.0, min(4.0, (chance - example.label) * example.counts * balance[example.label]))
            bias -= rate * off / 10
            for at in example.features:
                weights[at] -= rate * (off * share + DECAY * weights[at])
    return Model(weights, bias)


def examples_of(signal: str, more: Path | None) -> tuple[list[Example], list[Example]]:
    """Gives the labelled examples to learn from, and the ordinary ones, none of them held out."""
    own = [
        Example(features_of(tokens_of(row.text)), row.label) for row in rows(Text, signal) if not is_held_out(row.text)
    ]
    calm = [Example(features_of(tokens_of(row.text)), 0) for row in rows(Text, "ordinary") if not is_held_out(row.text)]
    if signal == RISK:
        calm += [Example(features_of(tokens_of(read_of(each.last_turn))), 0) for each in ordinary_requests("tuned")]
    if more is not None:
        own += [Example(features_of(tokens_of(text)), 0, 0.5) for text in _texts(more / "plain_benign.jsonl", 3)]
    if more is not None and signal == RISK:
        own += [Example(features_of(tokens_of(text)), 1, 0.5) for text in _texts(more / "harmbench_prompts.jsonl", 1)]
        own += [
            Example(features_of(tokens_of(text)), 1, 0.3) for text in _texts(more / "jailbreaks_in_the_wild.jsonl", 2)
        ]
    return own, calm


def offset_of(signal: str, own: list[Example], calm: list[Example]) -> float:
    """Gives the score that makes half of `MOST`, so high that ordinary texts stay below activation.

    What is ordinary is scored by models that did not learn from it; a few may be taken for risks.
    """
    scores = []
    for fold in range(FOLDS):
        rest = [example for number, example in enumerate(calm) if number % FOLDS != fold]
        model = learned([*own, *rest])
        scores += [
            model.score(each.features) - model.bias for number, each in enumerate(calm) if number % FOLDS == fold
        ]
    if signal == RISK:
        # Half a step more, so that rounding to steps leaves the one that may just pass where it is.
        return (
            sorted(scores, reverse=True)[int(FALSE_RISKS * len(scores))]
            + STEP / 2
            + math.log(MOST / ACTIVATION[signal] - 1)
        )
    return max(scores) + MARGIN + math.log(MOST / ACTIVATION[signal] - 1)


@click.command()
@click.option("--more", type=click.Path(path_type=Path, exists=True), help="A folder with more texts.")
def main(more: Path | None) -> None:
    """Writes the weights."""
    weights: dict[str, Sequence[float]] = {}
    offsets: dict[str, float] = {}
    for signal in SIGNALS:
        own, calm = examples_of(signal, more)
        model = learned([*own, *calm])
        weights[signal], offsets[signal] = model.weights, offset_of(signal, own, calm)
        click.echo(f"{signal}: {len(own)} labelled, {len(calm)} ordinary")
    TARGET.write_bytes(written(weights, offsets))


def read_of(text: str) -> str:
    """Gives what the plugin reads of a turn."""
    return text if len(text) <= READ else f"{text[: READ // 2]}\n{text[-(READ // 2) :]}"


def _texts(file: Path, each: int) -> list[str]:
    """Gives every so manieth text of a file."""
    lines = file.read_bytes().splitlines()[::each]
    return [text for line in lines if (text := str(msgspec.json.decode(line)["text"]))]


if __name__ == "__main__":
    main()
