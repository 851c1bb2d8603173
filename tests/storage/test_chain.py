"""The chain of a writer is taken up where its segments leave it."""

import json
from pathlib import Path

from storage.chain import Chain, chain_in
from storage.packing import pack
from storage.segments import segments
from tests.builders.journals import SMALL, ended, opened


def stands(chain: Chain) -> tuple[int, int, int, int, bytes]:
    return chain.number, chain.home, chain.lines, chain.tree.count, chain.tree.root()


def killed(data: Path, events: int) -> Path:
    """A journal that nobody closed; gives the folder of its writer."""
    journal = opened(data, limits=SMALL)
    for number in range(events):
        journal.append_event(ended(number))
    return journal.path.parent


def test_a_folder_without_segments_has_a_chain_without_lines(tmp_path: Path) -> None:
    assert stands(chain_in(tmp_path)) == stands(Chain())


def test_a_chain_is_found_as_it_was_left(tmp_path: Path) -> None:
    for events in range(11):
        data = tmp_path / str(events)
        folder = killed(data, events)
        again = chain_in(folder)
        lines = (folder / "00000001.jsonl").read_bytes().splitlines()
        behind = next((n for n, line in enumerate(reversed(lines)) if b'"event":"root"' in line), len(lines))
        assert (again.number, again.home, again.lines, again.tree.count) == (1, 1, len(lines), behind)
        line, seals = again.sealed([ended(7)])
        assert json.loads(line)["seal"] != json.loads(lines[-1])["seal"]
        assert len(seals) == 1


def test_reading_back_goes_over_packed_segments_and_those_without_a_root(tmp_path: Path) -> None:
    folder = killed(tmp_path, 2)
    (folder / "lock").unlink()
    killed(tmp_path, 0)
    (folder / "lock").unlink()
    plain = chain_in(folder)
    assert (plain.number, plain.home, plain.lines, plain.tree.count) == (2, 2, 4, 4)
    pack(segments(tmp_path / "journal")[0])
    assert stands(chain_in(folder)) == stands(plain)


def test_the_number_of_the_next_line_is_known_when_the_first_segments_are_gone(tmp_path: Path) -> None:
    folder = killed(tmp_path, 1)
    (folder / "lock").unlink()
    killed(tmp_path, 0)
    (folder / "00000001.jsonl").unlink()
    assert (chain_in(folder).lines, chain_in(folder).tree.count) == (3, 1)


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    folder = killed(tmp_path, 2)
    seal = chain_in(folder).seal
    with (folder / "00000001.jsonl").open("ab") as file:
        file.write(b"garbage\n\n{}\ntorn")
    (folder / "00000002.jsonl.zst").write_bytes(b"nothing that could be unpacked")
    again = chain_in(folder)
    assert (again.number, again.home, again.seal) == (2, 1, seal)
