"""Keeps the policies of a process up to date: changed files are read again, and a bad one changes nothing."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from gateway.settings import Loaded, Settings
from policies.document import DocumentError
from policies.folder import own_policy, policy_text, unread_policies
from policies.modulation import Policy, load_modulation
from policies.modulation.policy import FILE as MODULATION
from policies.modulation.policy import REVISION_LENGTH
from policies.prices import FILE as PRICES
from policies.prices import Prices, load_prices
from policies.tiers import FILE as TIERS
from policies.tiers import Tiers, load_tiers
from policies.tools import FILE as TOOLS
from policies.tools import ToolRules, load_tool_rules

_LOG = logging.getLogger(__name__)
Name: TypeAlias = Literal["modulation", "prices", "tiers", "tools"]
Result: TypeAlias = Literal["taken", "refused"]
Stamp: TypeAlias = tuple[int, int, int] | None
_FILES: Mapping[Name, str] = {"modulation": MODULATION, "prices": PRICES, "tiers": TIERS, "tools": TOOLS}


class PolicyChange(NamedTuple):
    """A file that was read again: whether it was taken, and the revisions of the file in force before and now."""

    file: str
    result: Result
    before: str
    now: str


class LivePolicies:
    """The policies in force as attributes; `revision` names all of them together, `revisions` each file.

    `catch_up` looks for changes, and costs some microseconds where there are none. Errors of the first reading:
    DocumentError.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._checks: dict[Name, list[Callable[[Any], None]]] = {name: [] for name in _FILES}
        # What changes while it is read is then read again.
        self._stamps: dict[Name, Stamp] = {name: self._stamp_of(name) for name in _FILES}
        self._waiting: dict[Name, Stamp] = {}
        self._faults: dict[str, str] = {}
        self.modulation: Policy = load_modulation(folder)
        self.prices: Prices = load_prices(folder)
        self.tiers: Tiers = load_tiers(folder)
        self.tools: ToolRules = load_tool_rules(folder)
        self._own: set[Name] = {name for name in _FILES if own_policy(_FILES[name], folder) is not None}
        self.revisions: Mapping[str, str] = {_FILES[name]: self._revision_of(name) for name in _FILES}
        self.revision = _of_all(self.revisions)

    @property
    def failure(self) -> str | None:
        """Says which files could not be put into force, and why; None where all are."""
        return " ".join(f"{fault} What stood there before holds." for fault in self._faults.values()) or None

    def require(self, name: Name, check: Callable[[Any], None]) -> None:
        """Asks `check` about a policy now, and about each that is to take its place.

        It raises DocumentError for one that must not come into force. Errors: what it raises now.
        """
        check(getattr(self, name))
        self._checks[name].append(check)

    def catch_up(self) -> Sequence[PolicyChange]:
        """Puts into force what changed; gives what was read again.

        A file is read when two looks saw the same one, since it may be on its way. One that was in force and has gone
        still holds: a file that is lost must loosen nothing.
        """
        if self._folder is None:
            return ()
        changes = []
        for name in _FILES:
            stamp = self._stamp_of(name)
            if stamp == self._stamps[name]:
                self._waiting.pop(name, None)
            elif name not in self._waiting or self._waiting[name] != stamp:
                self._waiting[name] = stamp
            else:
                del self._waiting[name]
                self._stamps[name] = stamp
                changes.append(self._read_again(name))
        return changes

    def _read_again(self, name: Name) -> PolicyChange:
        file = _FILES[name]
        before = self.revisions[file]
        try:
            own = own_policy(file, self._folder) is not None
            if name in self._own and not own:
                raise DocumentError(f"{file} is gone from {self._folder}.")
            found = _LOADED[name](self._folder)
            for check in self._checks[name]:
                check(found)
            now = self._revision_of(name, found)
        except DocumentError as error:
            self._faults[file] = str(error)
            _LOG.error("The policy %s stays as it is: %s", file, error)
            return PolicyChange(file, "refused", before, before)
        self._faults.pop(file, None)
        if own:
            self._own.add(name)
        setattr(self, name, found)
        self.revisions = {**self.revisions, file: now}
        self.revision = _of_all(self.revisions)
        _LOG.warning("The policy %s is now revision %s; all policies together are %s.", file, now, self.revision)
        return PolicyChange(file, "taken", before, now)

    def _revision_of(self, name: Name, found: Any = None) -> str:
        """Gives what names a policy: of the modulation what it means, of the others what is written."""
        if name == "modulation":
            policy: Policy = self.modulation if found is None else found
            return policy.revision
        return _hash(policy_text(_FILES[name], self._folder))

    def _stamp_of(self, name: Name) -> Stamp:
        """Gives what is another one after a file was written; None where the folder has none."""
        if self._folder is None:
            return None
        try:
            said = (self._folder / _FILES[name]).stat()
        except OSError:
            return None
        return said.st_mtime_ns, said.st_size, said.st_ino


_LOADED: Mapping[Name, Callable[[Path | None], Any]] = {
    "modulation": load_modulation,
    "prices": load_prices,
    "tiers": load_tiers,
    "tools": load_tool_rules,
}


def _of_all(revisions: Mapping[str, str]) -> str:
    return _hash("\n".join(f"{file} {revision}" for file, revision in sorted(revisions.items())))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:REVISION_LENGTH]


def policies_in_force(settings: Settings) -> LivePolicies:
    """Gives the policies that the settings name. Errors: DocumentError."""
    return LivePolicies(Path(settings.policies.folder) if settings.policies.folder else None)


def unread_in(loaded: Loaded) -> Iterator[str]:
    """Names each file in the policies' folder that looks like a policy and that nobody reads, such as `tools.yml`."""
    if loaded.settings.policies.folder is not None:
        folder = Path(loaded.settings.policies.folder)
        read = {*_FILES.values(), *((loaded.file.name,) if loaded.file else ())}
        for name in unread_policies(folder, read):
            yield f"Nobody reads {folder / name}: the policies are {', '.join(sorted(_FILES.values()))}."
