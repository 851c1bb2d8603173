"""Novelty: what a principal never asked before, beyond what is usual for it, with no text kept."""

from plugins.signals.novelty import SLOTS, Sketch, novelty, remember, shingles_of
from plugins.signals.tokens import tokens_of

NAMELESS = frozenset((b"the", b"how", b"do", b"i", b"a", b"of", b"?"))
COFFEE = ("descale coffee machine", "coffee machine drips water", "coffee machine water filter", "descale water filter")


def shingles(text: str) -> list[int]:
    return list(shingles_of(tokens_of(text), NAMELESS))


def a_sketch(texts: tuple[str, ...] = COFFEE * 4) -> Sketch:
    sketch = Sketch(bytearray(SLOTS))
    for text in texts:
        remember(shingles(text), sketch)
    return sketch


def test_another_topic_is_new_and_the_same_is_not() -> None:
    sketch = a_sketch()
    assert novelty(shingles("garden furniture for winter terraces"), sketch).level > 0.5
    assert novelty(shingles("how do i descale the coffee machine"), sketch).level == 0.0


def test_to_somebody_of_whom_little_is_known_nothing_is_new() -> None:
    assert novelty(shingles("garden furniture"), None).level == 0.0
    assert novelty(shingles("garden furniture"), a_sketch(COFFEE)).level == 0.0


def test_to_somebody_who_asks_of_everything_nothing_is_new() -> None:
    topics = tuple(f"topic{number} word{number} thing{number}" for number in range(40))
    assert novelty(shingles("garden furniture for winter terraces"), a_sketch(topics)).level < 0.2


def test_the_reason_is_in_shares_and_holds_no_word() -> None:
    because = novelty(shingles("garden furniture for winter terraces"), a_sketch()).because
    assert because.startswith("100% of its words are new to this caller")
    assert "garden" not in because


def test_a_sketch_has_a_fixed_size_and_holds_no_text() -> None:
    sketch = a_sketch()
    for number in range(500):
        remember(shingles(f"word{number} of some{number} kind{number}"), sketch)
    assert len(sketch.counts) == SLOTS
    assert sketch.filled == SLOTS - sketch.counts.count(0) <= SLOTS // 4
    assert b"coffee" not in sketch.counts


def test_what_came_often_outlives_what_came_once() -> None:
    sketch = a_sketch(COFFEE * 60)
    for number in range(300):
        remember(shingles(f"word{number} some{number} kind{number}"), sketch)
    assert novelty(shingles("coffee machine water filter"), sketch).level == 0.0
    assert all(sketch.counts[shingle] for shingle in shingles("coffee machine"))
    assert not all(sketch.counts[shingle] for shingle in shingles("word0 some0 kind0"))


def test_a_count_does_not_overflow() -> None:
    sketch = a_sketch(("coffee machine",) * 400)
    assert max(sketch.counts) == 255


def test_signs_without_spaces_have_shingles_too() -> None:
    assert len(shingles("如何用Docker部署Node服务并且查看日志呢")) > 10
