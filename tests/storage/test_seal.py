"""Seals chain lines, and trees of them are those of RFC 6962."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.seal import NOTHING, Tree, decoded, encoded, path_to, root_by, root_of, seal_of, sealed_line, taken_apart

SEALS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


@given(SEALS)
def test_a_tree_that_grows_has_the_root_of_the_rfc_after_each_leaf(seals: list[bytes]) -> None:
    tree = Tree()
    for count, seal in enumerate(seals, 1):
        tree.add(seal)
        assert (tree.count, tree.root()) == (count, naive_root(seals[:count]))


def test_the_root_over_nothing_is_the_hash_of_nothing() -> None:
    assert Tree().root() == naive_root([])


@given(SEALS, st.data())
def test_a_path_is_that_of_the_rfc_and_leads_to_the_root(seals: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(seals) - 1))
    path = path_to(seals, index)
    assert path == naive_path(index, seals)
    assert root_by(seals[index], index, len(seals), path) == root_of(seals)


@given(SEALS.filter(lambda seals: len(set(seals)) == len(seals) > 1), st.data())
def test_a_path_leads_to_the_root_from_its_own_leaf_and_place_alone(seals: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(seals) - 1))
    other = data.draw(st.integers(0, len(seals) - 1).filter(lambda each: each != index))
    path, root = path_to(seals, index), root_of(seals)
    assert root_by(seals[other], index, len(seals), path) != root
    assert root_by(seals[index], other, len(seals), path) != root
    assert root_by(seals[index], index, len(seals), [*path, path[-1]]) is None
    assert root_by(seals[index], index, len(seals), path[:-1]) is None
    assert root_by(seals[index], len(seals), len(seals), path) is None


def test_there_is_no_path_to_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError, match="2 leaves"):
        path_to([NOTHING, NOTHING], 2)


@given(st.binary(max_size=80), st.binary(min_size=32, max_size=32))
def test_a_sealed_line_comes_apart_into_what_it_was_made_of(content: bytes, seal: bytes) -> None:
    body = b"{" + content
    assert taken_apart(sealed_line(body, seal)) == (body, seal)


@given(st.data())
def test_no_other_spelling_of_a_seal_is_taken_for_it(data: st.DataObject) -> None:
    line = sealed_line(b'{"event":"began"', data.draw(st.binary(min_size=32, max_size=32)))
    place = data.draw(st.integers(len(line) - 54, len(line) - 1))
    changed = bytearray(line)
    changed[place] ^= data.draw(st.integers(1, 255))
    again = taken_apart(bytes(changed))
    assert again is None or again != taken_apart(line)


@pytest.mark.parametrize("line", [b"", b"{}", b"x" * 54, b'{"event":"began"}', sealed_line(b"[1", NOTHING)])
def test_what_is_no_sealed_line_does_not_come_apart(line: bytes) -> None:
    assert taken_apart(line) is None


@given(st.binary(max_size=70))
def test_base64url_reads_what_it_wrote_and_nothing_else(value: bytes) -> None:
    text = encoded(value)
    assert decoded(text) == value
    assert decoded(text + b"=") is None
    assert decoded(text + b"\n") is None


def test_a_seal_depends_on_the_line_and_on_the_line_before() -> None:
    first, second = seal_of(NOTHING, b'{"event":"a"'), seal_of(NOTHING, b'{"event":"b"')
    assert len({first, second, seal_of(first, b'{"event":"a"'), seal_of(second, b'{"event":"a"')}) == 4
    assert first == sha256(bytes(32) + b'{"event":"a"').digest()
