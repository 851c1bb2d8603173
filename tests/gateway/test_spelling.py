"""Tests of the readings of a path."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spelling import Piece, canonical, plain, readings

PATH = st.lists(st.sampled_from(("a", "B", "v1", "..", ".", "", "%2e", "c%2Fd", "%252F", "e;f", "\\", "%00"))).map(
    "/".join
)


@pytest.mark.parametrize(
    ("written", "stands_for"),
    [
        (b"/v1/chat/completions", "/v1/chat/completions"),
        (b"/v1/chat%2Fcompletions", "/v1/chat/completions"),
        (b"/v1//chat/./completions/", "/v1/chat/completions"),
        (b"/V1/Chat/%43ompletions;x=1", "/v1/chat/completions"),
        (b"/v1\\a\\..\\models", "/v1/models"),
        (b"/v1/models/%2e%2e/files%00x", "/v1/files"),
        (b"/v1/chat%252Fcompletions", "/v1/chat%2fcompletions"),
        (b"/v1/caf%C3%89", "/v1/caf\u00e9"),
        (b"/../..", "/"),
        (b"", "/"),
    ],
)
def test_a_path_has_one_canonical_spelling(written: bytes, stands_for: str) -> None:
    assert canonical(written) == stands_for


@given(PATH)
def test_a_canonical_path_stays_as_it_is(path: str) -> None:
    once = canonical(path.encode()).replace("%", "")
    assert canonical(quote(once).encode()) == once


@given(st.lists(st.text("av1.:", min_size=1), min_size=1).map("/".join))
def test_a_plain_path_has_one_reading_and_it_is_the_path(path: str) -> None:
    written = f"/v1/x{path}"
    if plain(written):
        (reading,) = readings(written.encode())
        assert "/".join(piece.text for piece in reading) == f"x{path}"
        assert canonical(written.encode()) == written


def test_pieces_after_an_encoded_slash_are_joined() -> None:
    assert readings(b"/v1/a%2Fb/c") == {(Piece("a", False), Piece("b", True), Piece("c", False))}


def test_three_layers_of_encoding_are_seen_through() -> None:
    assert (Piece("a", False), Piece("b", True)) in readings(b"/v1/a%25252Fb")
