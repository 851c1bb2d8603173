"""The why graph leads from each signal over each parameter to the answer."""

from gateway.office.audit.record import Change, Signal
from gateway.office.audit.why import MOST, why_graph

CHANGES = (
    Change("temperature", 1.0, 0.39, signal="alignment_risk"),
    Change("top_p", 1.0, 0.42, signal="alignment_risk"),
    Change("n", None, 1, plugin="limits"),
)
SIGNALS = (("alignment_risk", Signal(0.72)),)


def test_a_change_is_joined_to_its_source_and_to_the_answer() -> None:
    drawn = why_graph(CHANGES, SIGNALS, "answered")
    assert drawn.count("<path") == 6
    assert drawn.count('class="box signal"') == 2
    assert drawn.count('class="box parameter"') == 3
    for text in ("level 0.72", "1.0 → 0.39", "→ 1", "plugin limits", "The answer"):
        assert text in drawn


def test_what_was_only_worked_out_is_dashed() -> None:
    drawn = why_graph((Change("top_p", 1, 0.5, signal="stress", applied=False),), (), "answered")
    assert drawn.count("edge shadow") == 2
    assert "shadow: 1 → 0.5" in drawn


def test_nothing_changed_is_no_picture() -> None:
    assert why_graph((), SIGNALS, "answered") == ""


def test_many_changes_are_cut() -> None:
    many = [Change(f"p{number}", after=1) for number in range(100)]
    assert why_graph(many, (), "answered").count('class="box parameter"') == MOST
