"""The arithmetic of the journal's seals: the chain of one line to the next, and Merkle trees over many (RFC 6962).

The seal of a line is SHA-256(seal of the line before, then the bytes of the line from `{` up to its `,"seal":`).
The leaves of a tree are the seals of lines: leaf = SHA-256(0x00, seal), node = SHA-256(0x01, left, right).
"""

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

SEAL_BYTES = 32
# What stands before the first line of a writer.
NOTHING = bytes(SEAL_BYTES)
MARK = b',"seal":"'
END = b'"}'
_TEXT_BYTES = 43
_TAIL_BYTES = len(MARK) + _TEXT_BYTES + len(END)
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


class Sealed(NamedTuple):
    """A line taken apart: what its seal covers, and the seal that it states."""

    body: bytes
    seal: bytes


def seal_of(before: bytes, body: bytes) -> bytes:
    """Gives the seal of a line; `body` is the line up to its `,"seal":`."""
    return sha256(before + body).digest()


def sealed_line(body: bytes, seal: bytes) -> bytes:
    """Gives a line with its seal, without newline."""
    return body + MARK + encoded(seal) + END


def taken_apart(line: bytes) -> Sealed | None:
    """Takes a line (without newline) apart; None where it does not end with a seal, spelled in the one right way."""
    text = line[-len(END) - _TEXT_BYTES : -len(END)]
    if not line.startswith(b"{") or line[-_TAIL_BYTES : len(line) - _TAIL_BYTES + len(MARK)] != MARK:
        return None
    seal = decoded(text)
    return Sealed(line[:-_TAIL_BYTES], seal) if seal is not None and line.endswith(END) else None


def encoded(value: bytes) -> bytes:
    """Gives base64url without padding."""
    return b2a_base64(value, newline=False).translate(_TO_URL, b"=")


def decoded(text: bytes) -> bytes | None:
    """Reads base64url without padding; None where it is none, or another spelling of the same bytes.

    The last character has bits to spare: what reads it leniently takes a changed character for the right one.
    """
    try:
        value = a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except Error:
        return None
    return value if encoded(value) == text else None


class Tree:
    """A Merkle tree that grows by one leaf at a time and keeps the roots of its whole subtrees alone.

    Adding a leaf hashes twice on average, so that no line pays for the tree of a thousand.
    """

    __slots__ = ("_peaks", "count")

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []

    def add(self, seal: bytes) -> None:
        """Adds the seal of a line as the last leaf."""
        # The hashes stand here and not in functions: every line of the journal passes.
        node = sha256(b"\x00" + seal).digest()
        count = self.count
        self.count = count + 1
        peaks = self._peaks
        while count & 1:
            node = sha256(b"\x01" + peaks.pop() + node).digest()
            count >>= 1
        peaks.append(node)

    def root(self) -> bytes:
        """Gives the root over all leaves so far."""
        if not self._peaks:
            return sha256(b"").digest()
        node = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            node = _node(peak, node)
        return node


def root_of(seals: Sequence[bytes]) -> bytes:
    """Gives the root of the tree over these seals."""
    tree = Tree()
    for seal in seals:
        tree.add(seal)
    return tree.root()


def path_to(seals: Sequence[bytes], index: int) -> list[bytes]:
    """Gives the inclusion proof of a leaf: the nodes beside its way to the root, lowest first."""
    if not 0 <= index < len(seals):
        raise IndexError(f"The tree has {len(seals)} leaves and none numbered {index}.")
    if len(seals) == 1:
        return []
    half = 1 << (len(seals) - 1).bit_length() - 1
    left, right = seals[:half], seals[half:]
    if index < half:
        return [*path_to(left, index), root_of(right)]
    return [*path_to(right, index - half), root_of(left)]


def root_by(seal: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """Gives the root that an inclusion proof leads to; None where the path cannot belong to such a leaf."""
    if not 0 <= index < count:
        return None
    node, last = _leaf(seal), count - 1
    for beside in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = _node(beside, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = _node(node, beside)
        index >>= 1
        last >>= 1
    return node if last == 0 else None


def _leaf(seal: bytes) -> bytes:
    return sha256(b"\x00" + seal).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
