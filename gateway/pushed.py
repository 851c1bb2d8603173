"""What the office tells the workers of the state, in one file that it replaces, and how they read it.

A worker looks at the file's stamp four times a second; while an exchange runs nothing is read and nothing is asked.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gateway.ratings import style_of
from policies.modulation import StyleDelta
from storage.people import KeyringError

_LOG = logging.getLogger(__name__)
FILE = "pushed.json"
UNCHANGED = StyleDelta()


class Withheld(msgspec.Struct, frozen=True, gc=False):
    """A tool, or all (`*`), that is withheld until a moment; `person` of None is everybody.

    `tool` is the alias of a hosted tool, else the name that was called; `*` are all hosted tools, and of the others
    those that are not listed. `strict` holds whom it is about in strict mode as well.
    """

    id: str
    person: str | None
    tool: str
    until: datetime
    because: str
    strict: bool = False


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What was blocked of a person until a moment counts for a rule and tool no more: it has led to a tightening.

    `id` is that of the tightening; where `holds` is False it was taken back, and nothing before that moment counts.
    """

    id: str
    person: str
    rule: str
    tool: str
    until: datetime
    holds: bool = True


class Told(msgspec.Struct, frozen=True):
    """The file: overrides of flags, the means of ratings, who is locked, what is withheld; persons are pseudonyms.

    `counted` has the tightenings of the last day, those that are over and those that were taken back too. `symbols`
    has who bound symbols of their own, and when they changed last; what they are stands nowhere here.
    """

    flags: dict[str, str] = {}
    mean_of_all: float = 0.0
    means: dict[str, float] = {}
    locked: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    counted: tuple[Counted, ...] = ()
    symbols: Mapping[str, int] = {}


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a caller stands now: the style that ratings ask for, and whether they are held in conservative mode.

    `withheld` are the tools that nobody may offer or run for them. `symbols` is another number whenever the symbols
    that they have bound change, 0 where they have none. `forgiven` is when a tightening was taken back last: what was
    blocked of them before leads to nothing.
    """

    style: StyleDelta = UNCHANGED
    conservative: bool = False
    withheld: tuple[Withheld, ...] = ()
    symbols: int = 0
    forgiven: datetime | None = None


NOTHING_SAID = Standing()
_NOTHING_TOLD = Told()


def no_standing(_principal: str) -> Standing:
    """Answers where no office ever said anything."""
    return NOTHING_SAID


def tell(path: Path, told: Told) -> None:
    """Replaces the file with what is told now; nobody else can read it. Errors: OSError."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(told))
    fresh.replace(path)


class Pushed:
    """What was told last; `pseudonym_of` gives how the office names a principal, None for one who is new."""

    def __init__(
        self,
        path: Path,
        pseudonym_of: Callable[[str], str | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = path
        self._pseudonym_of = pseudonym_of
        self._now = now
        self._stamp: tuple[int, int, int] | None = None
        self._told = _NOTHING_TOLD
        self._locked: frozenset[str] = frozenset()
        self._of_others = NOTHING_SAID
        self._names_people = False
        self._standings: dict[str, Standing] = {}
        self._own: tuple[Withheld, ...] = ()
        self._withheld: dict[str | None, tuple[Withheld, ...]] = {}
        self._counted: dict[str, tuple[Counted, ...]] = {}
        self._forgiven: dict[str, datetime] = {}

    @property
    def flags(self) -> Mapping[str, str]:
        """The overrides of flags."""
        return self._told.flags

    def catch_up(self) -> bool:
        """Reads the file where it is another one; says so. One that cannot be read changes nothing, and is logged."""
        try:
            said = self._path.stat()
            stamp = (said.st_mtime_ns, said.st_size, said.st_ino)
            if stamp == self._stamp:
                return False
            told = msgspec.json.decode(self._path.read_bytes(), type=Told)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            _LOG.error("What the office tells cannot be read from %s: %s", self._path, error)
            return False
        self._stamp = stamp
        self._take(told)
        return True

    def withhold(self, withheld: Withheld) -> None:
        """Withholds a tool here at once, until the office tells of it, or its time is over."""
        self._own = (*self._own, withheld)
        self._withhold_all()

    def counted(self, person: str) -> Sequence[Counted]:
        """Gives what of a person's blocked calls has led to a tightening within the last day."""
        return self._counted.get(person, ())

    def standing(self, principal: str) -> Standing:
        """Gives how a caller stands; takes less than a microsecond, two where tools are withheld from anybody."""
        if not self._names_people:
            return self._of_others
        try:
            person = self._pseudonym_of(principal)
        except KeyringError:
            # Who cannot be looked up may be one who is locked.
            return Standing(self._of_others.style, bool(self._locked), self._withheld_from(None))
        standing = self._of_others if person is None else self._standings.get(person) or self._found(person)
        if self._withheld and (withheld := self._withheld_from(person)):
            return msgspec.structs.replace(standing, withheld=withheld)
        return standing

    def withheld_from(self, person: str) -> tuple[Withheld, ...]:
        """Gives what is withheld from a person now."""
        return self._withheld_from(person) if self._withheld else ()

    def _found(self, person: str) -> Standing:
        mean, locked = self._told.means.get(person), person in self._locked
        symbols, forgiven = self._told.symbols.get(person, 0), self._forgiven.get(person)
        if mean is None and not locked and not symbols and forgiven is None:
            return self._of_others
        style = self._of_others.style if mean is None else style_of(mean, self._told.mean_of_all)
        standing = self._standings[person] = Standing(style, locked, (), symbols, forgiven)
        return standing

    def _withheld_from(self, person: str | None) -> tuple[Withheld, ...]:
        theirs = self._withheld.get(person, ()) if person is not None else ()
        every = (*theirs, *self._withheld.get(None, ()))
        if not every:
            return ()
        now = self._now()
        return tuple(each for each in every if each.until > now)

    def _take(self, told: Told) -> None:
        self._told = told
        self._standings = {}
        self._locked = frozenset(told.locked)
        self._of_others = Standing(style_of(0.0, told.mean_of_all)) if told.mean_of_all else NOTHING_SAID
        known = {each.id for each in told.withheld} | {each.id for each in told.counted}
        self._own = tuple(each for each in self._own if each.id not in known and each.until > self._now())
        self._counted = _by_person(told.counted)
        taken_back = sorted((each for each in told.counted if not each.holds), key=lambda each: each.until)
        self._forgiven = {each.person: each.until for each in taken_back}
        self._withhold_all()

    def _withhold_all(self) -> None:
        self._withheld = _by_person((*self._told.withheld, *self._own))
        told = self._told
        self._names_people = bool(told.means or told.locked or told.symbols or self._forgiven or self._withheld)


def _by_person(rows: Sequence[Any]) -> dict[Any, tuple[Any, ...]]:
    found: dict[Any, list[Any]] = {}
    for each in rows:
        found.setdefault(each.person, []).append(each)
    return {person: tuple(theirs) for person, theirs in found.items()}
