"""Tests of the readings of a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spelling import Piece, plain, readings


def texts(written: bytes) -> set[str]:
    return {"/".join(piece.text for piece in reading) for reading in readings(written)}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models/ft:gpt-4o:org::id", "/v1/files/a.b_c~d", "/x"])
def test_a_path_that_all_read_alike_is_plain(path: str) -> None:
    assert plain(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1/",
        "//v1/chat",
        "/v1/Chat",
        "/v1/a%2Fb",
        "/v1/a;b",
        "/v1/../a",
        "/v1/./a",
        "/v1/a\\b",
        "/v1/.a",
        "/v1/v1/a",
    ],
)
def test_any_other_path_is_not_plain(path: str) -> None:
    assert not plain(path)


@given(st.lists(st.text("av1.:", min_size=1), min_size=1).map("/".join))
def test_a_plain_path_has_one_reading_and_it_is_the_path(path: str) -> None:
    written = f"/v1/x{path}"
    if plain(written):
        (reading,) = readings(written.encode())
        assert "".join(f"/{piece.text}" for piece in reading) == written
        assert not any(piece.joined for piece in reading)


def test_case_is_folded_and_segments_are_cut() -> None:
    assert texts(b"/V1/Chat;x=1/Completions%20y") == {"v1/chat/completions"}


def test_an_end_of_the_path_inside_it_gives_a_second_reading() -> None:
    assert texts(b"/v1/models%00/a") == {"v1/models/a", "v1/models"}
    assert texts(b"/v1/models%3Fa/b") == {"v1/models?a/b", "v1/models"}


@pytest.mark.parametrize("slash", ["%2F", "%2f", "%252F", "%25252f", "\\", "%5C", "%255c"])
def test_a_piece_after_a_slash_in_disguise_is_joined(slash: str) -> None:
    assert readings(f"/v1/a{slash}b/c".encode()) == {
        (Piece("v1", False), Piece("a", False), Piece("b", True), Piece("c", False))
    }


def test_dots_and_empty_segments_are_kept_for_those_who_do_not_resolve_them() -> None:
    assert texts(b"/v1/%2e%2e//./a") == {"v1/..//./a"}


@given(st.binary(max_size=40))
def test_any_bytes_can_be_read(raw_path: bytes) -> None:
    assert 1 <= len(readings(raw_path)) <= 2
