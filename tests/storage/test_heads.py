"""Each root names where the other writers of the journal stood."""

from pathlib import Path

from storage.chain_events import Head
from storage.heads import heads_beside
from tests.builders.journals import ended, lines_in, opened


def closed(data: Path, writer: str) -> Head:
    """A writer with one event and a root; gives where it stands."""
    journal = opened(data, writer)
    journal.append_event(ended(1))
    journal.close()
    lines = lines_in(data, writer)
    return Head(writer, len(lines), lines[-1]["seal"])


def test_the_last_roots_of_all_others_are_given_in_order(tmp_path: Path) -> None:
    heads = (closed(tmp_path, "office"), closed(tmp_path, "worker-0"))
    closed(tmp_path, "worker-1")
    assert heads_beside(tmp_path / "journal" / "worker-1") == heads


def test_a_writer_without_a_root_or_with_nonsense_in_its_place_is_passed_over(tmp_path: Path) -> None:
    opened(tmp_path, "worker-0").append_event(ended(1))
    closed(tmp_path, "worker-1")
    (tmp_path / "journal" / "worker-1" / "last_root").write_bytes(b'{"event":"root"}\n')
    assert heads_beside(tmp_path / "journal" / "worker-2") == ()


def test_a_root_holds_them_and_one_without_others_has_no_such_member(tmp_path: Path) -> None:
    head = closed(tmp_path, "worker-0")
    closed(tmp_path, "worker-1")
    assert "beside" not in lines_in(tmp_path, "worker-0")[-1]
    assert lines_in(tmp_path, "worker-1")[-1]["beside"] == [
        {"writer": "worker-0", "lines": head.lines, "seal": head.seal}
    ]
