"""Proves that one bundle stands in the journal: its line, the way from its seal to a root, the root's signature.

`docs/verify_proof.py` checks such a proof and needs nothing of ours.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from storage.chain_events import ROOT_START
from storage.seal import NOTHING, encoded, path_to, root_of, taken_apart
from storage.segments import Segment, SegmentReader, segments_of, writers
from storage.signing import verifier_in

FORMAT = "lukhas journal proof 1"
_EVENTS = ("ended", "began")
_AUDIT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


class ProofError(Exception):
    """There is no proof to be had; the message says why."""


class Proof(msgspec.Struct, frozen=True):
    """All that is needed to check one line; seals, nodes and keys are base64url.

    `line` is the line as it stands in the journal, `before` the seal of the line before it; the line is leaf `index`
    of `count` under the root that stands in `root_line`, and `path` are the nodes beside the way, lowest first.
    """

    format: str
    audit_id: str
    writer: str
    segment: int
    line: str
    before: str
    index: int
    count: int
    path: list[str]
    root_line: str
    public_key: str | None


def prove(data: Path, audit_id: str) -> Proof:
    """Gives the proof of the bundle of an exchange, or of its beginning where it never ended.

    It reads the journal from its beginning up to the root behind the line. Errors: ProofError, SegmentError, OSError.
    """
    if not _AUDIT_ID.fullmatch(audit_id):
        raise ProofError(f"{audit_id!r} is no audit id.")
    mark = f'"audit_id":"{audit_id}"'.encode()
    journal = data / "journal"
    found = [
        spot for writer in writers(journal) for spot in [_spot(segments_of(journal / writer), audit_id, mark)] if spot
    ]
    spot = min(found, key=lambda each: _EVENTS.index(each.event), default=None)
    if spot is None:
        raise ProofError(f"The journal has no exchange {audit_id}.")
    if spot.root_line is None:
        raise ProofError(
            f"{audit_id} is not under a root yet: the next is written after 1024 lines, or when the gateway stops."
        )
    verifier = verifier_in(data)
    proof = Proof(
        FORMAT,
        audit_id,
        spot.segment.writer,
        spot.segment.number,
        spot.line.decode(),
        encoded(spot.before).decode(),
        spot.index,
        len(spot.leaves),
        [encoded(node).decode() for node in path_to(spot.leaves, spot.index)],
        spot.root_line.decode(),
        encoded(verifier.public).decode() if verifier else None,
    )
    if encoded(root_of(spot.leaves)) not in spot.root_line:
        raise ProofError(f"{audit_id} stands in the journal, but not under its root. Ask `lukhas audit verify` why.")
    return proof


@dataclass(slots=True)
class _Spot:
    """Where a line was found, and the seals that share its root."""

    event: str
    segment: Segment
    line: bytes
    before: bytes
    index: int
    leaves: list[bytes] = field(default_factory=list)
    root_line: bytes | None = None


def _spot(ordered: list[Segment], audit_id: str, mark: bytes) -> _Spot | None:
    """Finds the line in the segments of one writer, the bundle before the beginning."""
    spot: _Spot | None = None
    leaves: list[bytes] = []
    before = NOTHING
    for segment in ordered:
        for line in SegmentReader(segment):
            sealed = taken_apart(line.text)
            if sealed is None:
                continue
            if sealed.body.startswith(ROOT_START):
                if spot is not None and spot.root_line is None:
                    spot.leaves, spot.root_line = leaves, line.text
                    if spot.event == _EVENTS[0]:
                        return spot
                leaves = []
            else:
                event = _event_of(line.text, audit_id) if mark in line.text else None
                if event is not None and (spot is None or event == _EVENTS[0] != spot.event):
                    spot = _Spot(event, segment, line.text, before, len(leaves))
                leaves.append(sealed.seal)
            before = sealed.seal
    return spot


def _event_of(line: bytes, audit_id: str) -> str | None:
    """Gives which event of this exchange a line is, None for another's that only mentions it."""
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if event.get("audit_id") != audit_id or event.get("event") not in _EVENTS:
        return None
    return str(event["event"])
