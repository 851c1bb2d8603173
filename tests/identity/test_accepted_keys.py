"""Which passed-through keys the upstream has accepted, as several processes see it."""

from pathlib import Path

from identity import accepted_keys
from identity.accepted_keys import AcceptedKeys


def test_a_key_counts_from_its_first_good_answer(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path / "accepted")
    keys.answered("upstream:1", 404)
    assert not keys.knows("upstream:1")
    keys.answered("upstream:1", 200)
    assert keys.knows("upstream:1")
    assert not keys.knows("upstream:2")
    keys.close()


def test_what_one_process_sees_another_knows_at_once(tmp_path: Path) -> None:
    worker, office = AcceptedKeys(tmp_path / "accepted"), AcceptedKeys(tmp_path / "accepted")
    assert not office.knows("upstream:1")
    worker.answered("upstream:1", 201)
    assert office.knows("upstream:1")
    worker.close()
    office.close()


def test_a_key_that_the_upstream_turns_away_counts_no_longer_anywhere(tmp_path: Path) -> None:
    first, second, office = (AcceptedKeys(tmp_path / "accepted") for _ in range(3))
    first.answered("upstream:1", 200)
    second.answered("upstream:1", 401)
    assert not office.knows("upstream:1")
    first.answered("upstream:1", 200)
    for keys in (first, second, office):
        keys.close()


def test_a_key_is_written_down_once(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path / "run" / "accepted")
    for _ in range(3):
        keys.answered("upstream:1", 200)
    assert (tmp_path / "run" / "accepted").read_bytes() == b"+upstream:1\n"
    assert (tmp_path / "run" / "accepted").stat().st_mode & 0o777 == 0o600
    keys.close()


def test_a_line_that_is_not_whole_yet_waits(tmp_path: Path) -> None:
    path = tmp_path / "accepted"
    keys = AcceptedKeys(path)
    path.write_bytes(b"+upstream:1\n+upstre")
    assert keys.knows("upstream:1")
    with path.open("ab") as file:
        file.write(b"am:2\n")
    assert keys.knows("upstream:2")
    keys.close()


def test_more_keys_than_are_remembered_push_the_oldest_out(tmp_path: Path) -> None:
    path = tmp_path / "accepted"
    most = accepted_keys.MOST_KEYS
    path.write_text("".join(f"+upstream:{number}\n" for number in range(most + 1)))
    keys = AcceptedKeys(path)
    assert not keys.knows("upstream:0")
    assert keys.knows(f"upstream:{most}")
    keys.close()


def test_a_place_that_cannot_be_written_costs_rights_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    keys = AcceptedKeys(tmp_path / "run" / "accepted")
    keys.answered("upstream:1", 200)
    assert keys.knows("upstream:1")
    keys.close()
