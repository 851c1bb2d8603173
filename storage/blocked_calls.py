"""Asks the warehouse for blocked calls of late, by pseudonym, and for events about them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import msgspec

from storage.incident_actions import KEPT_BACK
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseError

# No window is longer than a day, and days that become Parquet are older.
_CALLS = """
SELECT caller, happened, tool, audit_id, coalesce(reason, '') FROM kept.incidents
WHERE happened > $since AND caller IS NOT NULL AND tool IS NOT NULL AND audit_id IS NOT NULL
  AND action IS DISTINCT FROM $kept_back
ORDER BY happened
"""
_COUNTS = """
SELECT tool, count(*), count(DISTINCT caller), max(audit_id) FROM kept.incidents
WHERE happened > $since AND tool IS NOT NULL AND action IS DISTINCT FROM $kept_back
GROUP BY tool ORDER BY count(*) DESC, tool
"""
_EVENTS = "SELECT line::VARCHAR FROM kept.events WHERE event = $event AND happened > $since ORDER BY happened"


class BlockedCall(msgspec.Struct, frozen=True, gc=False):
    """A call that was blocked; `person` is a pseudonym."""

    person: str
    at: datetime
    tool: str
    audit_id: str
    reason: str = ""


class BlockedCount(msgspec.Struct, frozen=True, gc=False):
    """How many calls of a tool were blocked, of how many callers; `audit_id` is the last exchange with one."""

    tool: str
    calls: int
    callers: int
    audit_id: str | None


class BlockedCalls:
    """Answers from a warehouse; may be asked from any thread. Errors of every method: WarehouseError."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._warehouse.is_open

    def since(self, moment: datetime) -> list[BlockedCall]:
        """Gives the calls behind a moment, the oldest first."""
        rows = self._rows(_CALLS, {"since": _naive(moment), "kept_back": KEPT_BACK})
        return [BlockedCall(person, at.replace(tzinfo=UTC), *others) for person, at, *others in rows]

    def counts(self, moment: datetime) -> list[BlockedCount]:
        """Gives how many there were behind a moment, by tool."""
        parameters = {"since": _naive(moment), "kept_back": KEPT_BACK}
        return [BlockedCount(*row) for row in self._rows(_COUNTS, parameters)]

    def events(self, event: str, moment: datetime) -> list[bytes]:
        """Gives the lines of an event behind a moment, the oldest first."""
        return [str(line).encode() for (line,) in self._rows(_EVENTS, {"event": event, "since": _naive(moment)})]

    def _rows(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        reader = self._warehouse.read(None)
        try:
            with reader.connection() as connection:
                return connection.execute(statement, dict(parameters)).fetchall()
        except duckdb.Error as error:
            raise WarehouseError(f"Blocked calls cannot be looked up now: {error}") from error
        finally:
            reader.close()


def _naive(at: datetime) -> datetime:
    """The columns are UTC without saying so."""
    return at.astimezone(UTC).replace(tzinfo=None)
