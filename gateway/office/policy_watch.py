"""Notes in the journal which policies came into force, also those that did while no office ran."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.live_policies import LivePolicies
from gateway.writable import written

FILE = "policies.json"


class PolicyEvent(msgspec.Struct, frozen=True, tag_field="event", tag="policy"):
    """A policy file came into force: its revision before and now, and what then names all policies together."""

    at: datetime
    file: str
    before: str
    now: str
    policies: str


class PolicyWatch:
    """`run` looks once; `append` puts an event into the office's journal. What was noted last stands in a file."""

    def __init__(
        self,
        policies: LivePolicies,
        data: Path,
        append: Callable[[bytes], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policies = policies
        self._path = data / FILE
        self._append = append
        self._now = now
        self._noted: Mapping[str, str] | None = None

    def run(self) -> bool:
        """Puts changed files into force here, and notes what changed. Errors: JournalError, OSError."""
        self._policies.catch_up()
        revisions = self._policies.revisions
        before = self._noted_before() if self._noted is None else self._noted
        if revisions == before:
            self._noted = before
            return False
        for file, now in revisions.items():
            if file in before and before[file] != now:
                self._append(written(PolicyEvent(self._now(), file, before[file], now, self._policies.revision)))
        self._write(revisions)
        self._noted = revisions
        return False

    def _noted_before(self) -> Mapping[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return {}

    def _write(self, revisions: Mapping[str, str]) -> None:
        fresh = self._path.with_name(f"{FILE}.new")
        fresh.write_bytes(msgspec.json.encode(revisions))
        fresh.replace(self._path)
