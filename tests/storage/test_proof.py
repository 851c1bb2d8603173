"""A proof holds for its own line, and there is none for what is not under a root."""

from pathlib import Path

import pytest

from storage.packing import pack
from storage.proof import ProofError, prove
from storage.seal import decoded, root_by, seal_of, taken_apart
from storage.segments import segments
from tests.builders.journals import SMALL, audit_id, ended, opened


def written(data: Path) -> Path:
    """Two segments with ten events each; gives the folder of the writer."""
    for segment in (0, 1):
        journal = opened(data, limits=SMALL)
        for number in range(10):
            journal.append_event(ended(10 * segment + number))
        journal.close()
    return data / "journal" / "worker-0"


def bytes_of(text: str) -> bytes:
    value = decoded(text.encode())
    assert value is not None
    return value


@pytest.mark.parametrize("number", range(20))
def test_the_seal_of_a_line_leads_to_its_root(tmp_path: Path, number: int) -> None:
    written(tmp_path)
    proof = prove(tmp_path, audit_id(number))
    line = taken_apart(proof.line.encode())
    assert line is not None
    assert line.body == ended(number)[:-1]
    assert seal_of(bytes_of(proof.before), line.body) == line.seal
    root = root_by(line.seal, proof.index, proof.count, [bytes_of(node) for node in proof.path])
    assert root is not None
    assert bytes_of(proof.root_line.split('"root":"')[1][:43]) == root


def test_a_proof_comes_out_of_a_packed_segment_as_well(tmp_path: Path) -> None:
    written(tmp_path)
    plain = prove(tmp_path, audit_id(3))
    pack(segments(tmp_path / "journal")[0])
    assert prove(tmp_path, audit_id(3)) == plain


def test_the_end_of_an_exchange_is_proven_rather_than_its_beginning(tmp_path: Path) -> None:
    journal = opened(tmp_path, limits=SMALL)
    journal.append_event(ended(1).replace(b"ended", b"began"))
    for number in range(5, 15):
        journal.append_event(ended(number))
    journal.append_event(ended(1))
    journal.close()
    assert prove(tmp_path, audit_id(1)).line.startswith('{"event":"ended"')


def test_the_beginning_is_proven_where_there_is_no_end(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1).replace(b"ended", b"began"))
    journal.close()
    assert prove(tmp_path, audit_id(1)).line.startswith('{"event":"began"')


def test_a_line_that_only_mentions_an_exchange_is_not_its_bundle(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(b'{"event":"ended","about":{"audit_id":"%s"},"audit_id":"A-2"}' % audit_id(1).encode())
    journal.close()
    with pytest.raises(ProofError, match="has no exchange"):
        prove(tmp_path, audit_id(1))


def test_a_line_that_is_under_no_root_yet_has_no_proof(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_event(ended(1))
    with pytest.raises(ProofError, match="not under a root yet"):
        prove(tmp_path, audit_id(1))
    journal.close()
    assert prove(tmp_path, audit_id(1)).count == 2


@pytest.mark.parametrize("name", ["A-unknown", "", 'A"', "../x", "a" * 101])
def test_an_exchange_that_is_not_there_has_no_proof(tmp_path: Path, name: str) -> None:
    written(tmp_path)
    with pytest.raises(ProofError):
        prove(tmp_path, name)


def test_a_line_whose_neighbour_is_gone_has_no_proof(tmp_path: Path) -> None:
    path = written(tmp_path) / "00000001.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    with pytest.raises(ProofError, match="not under its root"):
        prove(tmp_path, audit_id(2))
