"""The page of concepts names the fields, hooks and rules that the code has."""

from typing import get_args

import msgspec

from gateway.bundle import Began, Ended
from gateway.exchange import Attempt, Exchange, Outcome, Step
from gateway.hookspecs import EXCHANGE_HOOKS, LIFECYCLE_HOOKS
from tests.docs.blocks import ROOT
from tests.docs.tables import Row, table

PAGE = ROOT / "docs" / "concepts.md"
TEXT = PAGE.read_text(encoding="utf-8")


def words(cell: str) -> list[str]:
    return cell.split("`")[1::2]


def named(rows: list[Row]) -> set[str]:
    return {word for row in rows for word in words(row[0])}


def members(kind: type[msgspec.Struct]) -> set[str]:
    return set(kind.__struct_fields__)


def test_every_field_of_an_exchange_is_named() -> None:
    assert named(table(PAGE, "field")) == set(Exchange.__slots__) - {"clock"}


def test_the_hooks_stand_in_the_order_in_which_they_are_asked() -> None:
    asked = [word for row in table(PAGE, "hook") for word in words(row[0])]

    assert asked == [hook.name for hook in EXCHANGE_HOOKS]


def test_each_hook_says_what_it_may_answer() -> None:
    answers = {words(row[0])[0]: row[2] for row in table(PAGE, "hook") if row[0]}

    for hook in EXCHANGE_HOOKS:
        names = {kind.__name__ for kind in hook.answers} or {"-"}
        assert set(answers[hook.name].split(", ")) == names, hook.name


def test_the_security_hooks_and_those_of_a_plugins_life_are_named() -> None:
    security = ", ".join(f"`{hook.name}`" for hook in EXCHANGE_HOOKS if hook.security)

    assert f"({security}) fail closed" in " ".join(TEXT.split())
    assert all(f"`{name}`" in TEXT for name in LIFECYCLE_HOOKS)


def test_every_member_of_the_two_journal_lines_is_named() -> None:
    assert named(table(PAGE, "`began`")) == members(Began) | {"event"}
    assert named(table(PAGE, "`ended`")) == members(Ended) | {"event"}


def test_every_member_of_an_attempt_and_of_a_step_is_named() -> None:
    (attempts,) = [row[1] for row in table(PAGE, "`ended`") if row[0] == "`attempts`"]
    (trail,) = [row[1] for row in table(PAGE, "`ended`") if row[0] == "`trail`"]

    assert set(words(attempts)) == encoded_members(Attempt)
    assert set(words(trail)) == encoded_members(Step)


def test_every_outcome_is_named() -> None:
    (outcomes,) = [row[2] for row in table(PAGE, "field") if row[0] == "`outcome`"]

    assert set(outcomes.split(", ")) == set(get_args(Outcome))


def encoded_members(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}
