"""Knows in how many ways a path can be read, so that no request reaches one endpoint under the rules of another.

Servers differ in what they decode, fold and resolve. A path that every server reads alike is *plain*; of any other
one this room gives the readings, and the endpoint table says whether one of them is an endpoint.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

PREFIX = "/v1"
# How often a chain of servers may decode a path between here and the endpoint.
LAYERS = 3


class Piece(NamedTuple):
    """One segment of a path as a lax reader sees it.

    `joined`: only an encoded slash or a backslash stands before it, so it may also belong to the segment before.
    """

    text: str
    joined: bool


def plain(path: str) -> bool:
    """Says whether there is only one way to read the path: lower case, nothing encoded, no empty or dotted segment."""
    return _PLAIN.fullmatch(path) is not None


def canonical(raw_path: bytes) -> str:
    """Gives the spelling that stands for all others of a path: what a reader makes of it who forgives everything.

    Percent-decoded once, backslashes turned, case folded, `;parameters` and what follows a control character cut from
    each segment, empty and dot segments resolved, no slash at the end.

    >>> canonical(b"/v1//Files/%2e%2e/chat%2Fcompletions;x=1/")
    '/v1/chat/completions'
    """
    return "/" + "/".join(piece.text for piece in _pieces(_decoded(raw_path.decode("utf-8", "replace"))))


def readings(raw_path: bytes) -> set[tuple[Piece, ...]]:
    """Gives what the readers behind us may make of a path, without the prefix."""
    text = raw_path.decode("utf-8", "replace")
    if _UNENCODED.fullmatch(text):
        return {_unprefixed(_pieces(text))}
    found: set[tuple[Piece, ...]] = set()
    for _ in range(LAYERS):
        text = _decoded(text)
        for reading in (text, _PATH_END.split(text, maxsplit=1)[0]):
            found.add(_unprefixed(_pieces(reading)))
            found.add(_unprefixed(_pieces(_resolved(reading))))
        if "%" not in text:
            break
    return found


# An encoded slash after decoding: a private character, since some readers split there and some do not.
_SLASH = "\ue000"
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
_PLAIN = re.compile(r"(?!/v1/v1/|.*/\.)(?:/[a-z0-9_.:@~,+=-]+)+")
_UNENCODED = re.compile(r"(?!.*/\.)(?:/[A-Za-z0-9_.:@~,+=-]+)+")
_STEP = re.compile(rf"([/\\{_SLASH}]?)([^/\\{_SLASH}]*)")
_SEGMENT_END = re.compile(r"[;\x00-\x20\x7f]")
_PATH_END = re.compile(r"[?#\0]")


def _decoded(text: str) -> str:
    return unquote(_ENCODED_SLASH.sub(_SLASH, text))


def _resolved(text: str) -> str:
    """Resolves dot segments between true slashes alone, where `a%2Fb/..` leaves nothing of `a`."""
    segments: list[str] = []
    for segment in text.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments)


def _pieces(text: str) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    joined = True
    for separator, written in _STEP.findall(text.casefold()):
        joined = joined and separator != "/"
        segment = _SEGMENT_END.split(written, maxsplit=1)[0]
        if segment == "..":
            del pieces[-1:]
        elif segment not in ("", "."):
            pieces.append(Piece(segment, joined))
            joined = True
    return tuple(pieces)


def _unprefixed(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Takes the prefix off, each time it stands there: an upstream's own address may end with it or not."""
    start = 0
    while start < len(pieces) and pieces[start].text == PREFIX[1:]:
        start += 1
    return pieces[start:]
