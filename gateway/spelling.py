"""Knows in how many ways a path can be read, so that no request reaches one endpoint under the rules of another.

Servers differ in what they decode, fold and resolve. A path that all of them read alike is *plain*. Any other one is
taken apart here as the laxest reader would; `EndpointTable.misspelt` says which endpoints the pieces may lead to.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

PREFIX = "/v1"
# How often a chain of servers may decode a path between here and the endpoint.
LAYERS = 3


class Piece(NamedTuple):
    """One segment of a path, folded and cut; "", "." and ".." are kept, since not all readers resolve them.

    `joined`: an encoded slash or a backslash stands before it, so it may also belong to the segment before.
    """

    text: str
    joined: bool


def plain(path: str) -> bool:
    """Says whether there is only one way to read the path: lower case, nothing encoded, no empty or dotted segment."""
    return _PLAIN.fullmatch(path) is not None


def readings(raw_path: bytes) -> set[tuple[Piece, ...]]:
    """Takes a raw path apart: as a whole, and up to where a reader may see its end.

    It is decoded `LAYERS` times. That leaves out no reading by a server that decodes less: in the fixed parts of an
    endpoint's path there is nothing more to decode, and a parameter may hold anything.
    """
    text = raw_path.decode("utf-8", "replace")
    for _ in range(LAYERS):
        if "%" not in text:
            break
        text = unquote(_ENCODED_SLASH.sub(_SLASH, text))
    text = text.casefold()
    return {_pieces(text), _pieces(_PATH_END.split(text, maxsplit=1)[0])}


# An encoded slash after decoding: a private character, since some readers split there and some do not.
_SLASH = "\ue000"
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
_PLAIN = re.compile(r"(?!/v1/v1/|.*/\.)(?:/[a-z0-9_.:@~,+=-]+)+")
_STEP = re.compile(rf"([/\\{_SLASH}])([^/\\{_SLASH}]*)")
# Parameters after a semicolon, and what some readers drop from a control character or a space on.
_SEGMENT_END = re.compile(r"[;\x00-\x20\x7f]")
_PATH_END = re.compile(r"[?#\0]")


def _pieces(text: str) -> tuple[Piece, ...]:
    return tuple(
        Piece(_SEGMENT_END.split(written, maxsplit=1)[0], separator != "/")
        for separator, written in _STEP.findall(text)
    )
