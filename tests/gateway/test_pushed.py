"""What the office tells the workers: taken over when it changes, kept when it cannot be read."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.pushed import NOTHING_SAID, Counted, Pushed, Standing, Told, Withheld, tell
from policies.modulation import StyleDelta
from storage.people import KeyringError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = {"key:ada": "p-ada", "key:bob": "p-bob"}


def pushed(path: Path, pseudonym_of: Callable[[str], str | None] = PEOPLE.get) -> Pushed:
    return Pushed(path, pseudonym_of, now=lambda: NOW)


def told(path: Path, said: Told) -> Pushed:
    tell(path, said)
    found = pushed(path)
    assert found.catch_up()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pushed.json"


def test_before_anything_was_told_nobody_is_special(path: Path) -> None:
    found = pushed(path)
    assert not found.catch_up()
    assert found.standing("key:ada") == NOTHING_SAID
    assert dict(found.flags) == {}


def test_the_file_is_for_nobody_else(path: Path) -> None:
    tell(path, Told())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["pushed.json"]


def test_what_is_told_is_noticed_once(path: Path) -> None:
    found = told(path, Told(flags={"STRICT_DEFAULT": "on"}))
    assert found.flags == {"STRICT_DEFAULT": "on"}
    assert not found.catch_up()
    tell(path, Told())
    assert found.catch_up()
    assert found.flags == {}


def test_ratings_move_the_style_of_the_rater_and_a_little_that_of_all(path: Path) -> None:
    found = told(path, Told(mean_of_all=0.2, means={"p-ada": -0.5}))
    assert found.standing("key:ada").style == StyleDelta(-0.03, -0.03, 0.04, -0.06)
    assert found.standing("key:bob").style == StyleDelta(0.02, 0.02, 0.04, 0.04)
    assert found.standing("key:nobody") == found.standing("key:bob")


def test_who_is_locked_is_conservative_and_nobody_else(path: Path) -> None:
    found = told(path, Told(locked=("p-ada",)))
    assert found.standing("key:ada").conservative
    assert not found.standing("key:bob").conservative
    assert not found.standing("key:nobody").conservative


def test_a_lock_that_was_released_holds_no_more(path: Path) -> None:
    found = told(path, Told(locked=("p-ada",)))
    assert found.standing("key:ada").conservative
    tell(path, Told())
    found.catch_up()
    assert found.standing("key:ada") == NOTHING_SAID


def test_tools_are_withheld_from_one_or_from_all_until_their_time(path: Path) -> None:
    later, over = NOW + timedelta(minutes=1), NOW
    ada = Withheld("t-1", "p-ada", "browser", later, "x")
    everybody = Withheld("t-2", None, "*", later, "x")
    found = told(path, Told(withheld=(ada, everybody, Withheld("t-3", None, "*", over, "x"))))
    assert found.standing("key:ada").withheld == (ada, everybody)
    assert found.standing("key:bob").withheld == (everybody,)
    assert found.standing("key:nobody").withheld == (everybody,)


def test_what_a_worker_withholds_itself_holds_until_the_office_knows_of_it(path: Path) -> None:
    later = NOW + timedelta(minutes=1)
    own = Withheld("t-1", "p-ada", "browser", later, "x")
    found = pushed(path)
    found.withhold(own)
    assert found.standing("key:ada").withheld == (own,)
    assert found.standing("key:bob") == NOTHING_SAID
    tell(path, Told(flags={"STRICT_DEFAULT": "on"}))
    found.catch_up()
    assert found.standing("key:ada").withheld == (own,)
    tell(path, Told(counted=(Counted("t-1", "p-ada", "r", "browser", NOW, holds=False),)))
    found.catch_up()
    assert found.standing("key:ada") == Standing(forgiven=NOW)


def test_who_has_symbols_stands_with_the_number_of_their_last_change(path: Path) -> None:
    found = told(path, Told(symbols={"p-ada": 7}))
    assert found.standing("key:ada") == Standing(symbols=7)
    assert found.standing("key:bob") is NOTHING_SAID
    tell(path, Told(symbols={"p-ada": 8}))
    found.catch_up()
    assert found.standing("key:ada").symbols == 8
    tell(path, Told())
    found.catch_up()
    assert found.standing("key:ada") is NOTHING_SAID


def test_what_was_counted_is_told_by_person(path: Path) -> None:
    mine = Counted("t-1", "p-ada", "r", "browser", NOW)
    found = told(path, Told(counted=(mine, Counted("t-2", "p-bob", "r", "browser", NOW))))
    assert found.counted("p-ada") == (mine,)
    assert found.counted("p-cleo") == ()


def test_the_last_release_of_a_person_forgives_and_a_tightening_that_holds_or_is_over_does_not(path: Path) -> None:
    before, after = NOW - timedelta(hours=2), NOW + timedelta(hours=2)
    released = (
        Counted("t-1", "p-ada", "r", "browser", NOW, holds=False),
        Counted("t-2", "p-ada", "r", "browser", before, holds=False),
    )
    held = (Counted("t-3", "p-ada", "r", "browser", after), Counted("t-4", "p-bob", "r", "browser", before))
    found = told(path, Told(counted=(*released, *held)))
    assert found.standing("key:ada") == Standing(forgiven=NOW)
    assert found.standing("key:bob") is NOTHING_SAID


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"locked": 7}', b'{"locked": ["\xff"]}'], ids=["empty", "torn", "another shape", "no UTF-8"]
)
def test_a_file_that_cannot_be_read_changes_nothing(path: Path, damage: bytes) -> None:
    found = told(path, Told(locked=("p-ada",)))
    path.write_bytes(damage)
    assert not found.catch_up()
    assert found.standing("key:ada").conservative


def test_a_file_that_is_gone_changes_nothing(path: Path) -> None:
    found = told(path, Told(locked=("p-ada",)))
    path.unlink()
    assert not found.catch_up()
    assert found.standing("key:ada").conservative


def test_who_cannot_be_looked_up_may_be_one_who_is_locked(path: Path) -> None:
    def unreadable(_: str) -> str | None:
        raise KeyringError("The keyring is gone.")

    tell(path, Told(locked=("p-ada",)))
    found = pushed(path, unreadable)
    found.catch_up()
    assert found.standing("key:bob") == Standing(conservative=True)
