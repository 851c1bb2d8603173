"""Finds records in the warehouse: the line where it still stands in the journal, else what the tables keep of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from storage.bundles import AUDIT_ID, SLACK, BundlesError, Outliner, Position, Search, moment_of, newest
from storage.kept_records import record_of_row
from storage.segments import Segment, SegmentError, SegmentReader, segments_of
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseError

# An id of ours carries its time, so that one moment alone is looked through.
_EXCHANGE = """
SELECT * FROM kept.every_exchange
WHERE audit_id = $audit_id AND started BETWEEN $earliest AND $latest
ORDER BY outcome = 'lost' LIMIT 1
"""
_LOGGED = "SELECT line, writer, segment, position FROM kept.logged WHERE audit_id = $audit_id LIMIT 1"
_BEGUN = """
SELECT audit_id, started, writer, segment, position FROM kept.begun
WHERE audit_id = $audit_id LIMIT 1
"""
_FITTING = """
WHERE started >= $since AND started < $until AND started <= $below
    AND (started < $below OR audit_id < $below_id)
    AND ($caller IS NULL OR caller = $caller)
    AND ($among IS NULL OR list_contains($among::VARCHAR[], caller))
    AND ($model IS NULL OR model = $model OR model_used = $model)
    AND ($outcome IS NULL OR outcome = $outcome)
    AND ($endpoint IS NULL OR endpoint = $endpoint)
ORDER BY started DESC, audit_id DESC, outcome = 'lost' LIMIT $limit
"""
# Wide rows are read of that time alone from which the page is.
_OLDEST = "SELECT min(started) AS since FROM (SELECT started FROM kept.every_exchange" + _FITTING + ")"  # noqa: S608 - constants
_EXCHANGES = "SELECT * FROM kept.every_exchange" + _FITTING  # noqa: S608 - constants
_LOGGED_ONES = "SELECT line FROM kept.logged" + _FITTING  # noqa: S608 - constants
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)


class KeptBundles:
    """Answers from a warehouse; `journal` is the folder that its rows were taken in from."""

    def __init__(self, warehouse: Warehouse, journal: Path) -> None:
        self._warehouse = warehouse
        self._journal = journal
        self._outline = Outliner()

    def find(self, audit_id: str) -> bytes | None:
        """Gives the line that says most about an exchange. Errors: BundlesError."""
        if not AUDIT_ID.fullmatch(audit_id):
            return None
        arrived = moment_of(audit_id)
        span = {
            "earliest": _naive(arrived - SLACK if arrived else _FIRST),
            "latest": _naive(arrived + SLACK if arrived else _LAST),
        }
        named = {"audit_id": audit_id}
        for row in self._rows(_EXCHANGE, named | span):
            record = record_of_row(row)
            # The line of a lost one is that of its beginning, which says less.
            return record if row["outcome"] == "lost" else self._line(row, audit_id) or record
        for row in self._rows(_LOGGED, named):
            return self._line(row, audit_id) or str(row["line"]).encode()
        for row in self._rows(_BEGUN, named):
            return self._line(row, audit_id)
        return None

    def listed(self, search: Search, limit: int) -> list[bytes]:
        """Gives the newest records that fit, as the tables keep them. Errors: BundlesError."""
        asked = _asked(search, limit)
        lines = [record_of_row(row) for row in self._page(asked)]
        lines += [str(row["line"]).encode() for row in self._rows(_LOGGED_ONES, asked)]
        found: dict[str, tuple[Position, bytes]] = {}
        for line in lines:
            outline = self._outline(line)
            if outline is not None:
                found.setdefault(outline.audit_id, (outline.position, line))
        return newest(found.values(), limit)

    def _page(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        (oldest,) = self._rows(_OLDEST, asked)
        return self._rows(_EXCHANGES, {**asked, **oldest}) if oldest["since"] is not None else []

    def _rows(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            reader = self._warehouse.read(None)
            try:
                with reader.connection() as connection:
                    result = connection.execute(statement, dict(parameters))
                    names = [column[0] for column in result.description or ()]
                    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
            finally:
                reader.close()
        except (WarehouseError, duckdb.Error) as error:
            raise BundlesError(f"Older records cannot be looked up now: {error}") from error

    def _line(self, row: Mapping[str, Any], audit_id: str) -> bytes | None:
        """Reads a line back from its place; None where the segment is gone, or has something else there."""
        folder = self._journal / str(row["writer"])
        with suppress(SegmentError, OSError):
            segment = _segment(segments_of(folder), row["segment"])
            if segment is not None:
                for line in SegmentReader(segment, row["position"]):
                    outline = self._outline(line.text)
                    return line.text if outline is not None and outline.audit_id == audit_id else None
        return None


def _segment(there: Sequence[Segment], number: int) -> Segment | None:
    return next((segment for segment in there if segment.number == number), None)


def _asked(search: Search, limit: int) -> dict[str, Any]:
    below = search.below or (_LAST, "")
    return {
        "since": _naive(search.since or _FIRST),
        "until": _naive(search.until or _LAST),
        "below": _naive(below[0]),
        "below_id": below[1],
        "caller": search.caller,
        "among": sorted(search.among) if search.among is not None else None,
        "model": search.model,
        "outcome": search.outcome,
        "endpoint": search.endpoint,
        "limit": limit,
    }


def _naive(at: datetime) -> datetime:
    """The columns are UTC without saying so."""
    return at.astimezone(UTC).replace(tzinfo=None)
