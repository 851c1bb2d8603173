"""Gives each principal a pseudonym and a key, by which records name a person and hide what is theirs.

Both are random: with the mapping and the key deleted, nothing leads from a record back to the person. Every process of
a data folder uses the same file, `keys/people.db`; what it has read once it finds in memory.
"""

import hmac
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock

import msgspec

from identity.pseudonyms import pseudonyms_in
from storage.named_people import names_people
from storage.people import BRIEF_SECONDS, BUSY_SECONDS, ErasedRow, KeyringError, PeopleFile, PersonRow
from storage.tombstones import tombstones_from

FILE = "people.db"
KEY_BYTES = 32
PSEUDONYM_BYTES = 10
_PSEUDONYM = re.compile(r"p-[0-9a-f]{20}")
_NO_MEMBER = rb"""(?![^"\\]*":)"""
_COMMITMENT = b"lukhas commitment 1\n"
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
SHORTEST_NAME = 12
ERASED = "erased"
"""What stands in the place of the name of one who was erased."""
MOST_KNOWN = 50_000
"""How many people a process keeps in memory; the one that it met first is forgotten first."""


class Person:
    """Someone as records know them: `pseudonym` stands in lines, `key` (32 bytes) encrypts what is theirs alone."""

    __slots__ = ("_inner", "_outer", "key", "pseudonym")

    def __init__(self, pseudonym: str, key: bytes) -> None:
        self.pseudonym = pseudonym
        self.key = key
        # A key of its own: what is committed to comes from strangers, and must not lead to what other uses derive.
        commits = hmac.digest(key, _COMMITMENT, "sha256").ljust(_BLOCK_BYTES, b"\0")
        self._inner, self._outer = commits.translate(_INNER), commits.translate(_OUTER)

    def commitment(self, text: bytes) -> bytes:
        """Gives 32 bytes that only this text has, and that nobody can try a guess on once the key is gone."""
        # HMAC-SHA-256 as in RFC 2104: hmac.digest takes three times as long, and every exchange asks twice.
        inner = sha256(self._inner)
        inner.update(text)
        return sha256(self._outer + inner.digest()).digest()

    def in_place_of(self, principal: str, text: bytes) -> bytes:
        """Puts the pseudonym where JSON repeats the principal; a short one is a word like any, and stays.

        One without a colon could be the name of a member, which stays as well.
        """
        if len(principal) < SHORTEST_NAME:
            return text
        name, pseudonym = msgspec.json.encode(principal)[1:-1], self.pseudonym.encode()
        if b":" in name or name not in text:
            return text.replace(name, pseudonym)
        return re.sub(re.escape(name) + _NO_MEMBER, pseudonym, text)

    def __repr__(self) -> str:
        """Shows no key: what is shown ends up in logs."""
        return f"Person({self.pseudonym!r})"


NOBODY = Person("unknown", b"")
"""Stands for whoever cannot be named in what repeats their name. Commit to nothing with it: everybody knows its key."""


class Keyring:
    """The people of a data folder; may be asked from any thread.

    `opened` counts how often the file was opened: another one may have been put in its place. `failure` says why
    someone who is new could not be added, or nobody be looked up.
    """

    def __init__(
        self,
        data: Path,
        *,
        synced: bool = False,
        most_known: int = MOST_KNOWN,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Opens nothing yet; with `synced` a new person is on the disk before their first record is."""
        self.failure: str | None = None
        self._path = data / "keys" / FILE
        self._journal = data / "journal"
        self._synced = synced
        self._most_known = most_known
        self._now = now
        self._lock = Lock()
        self._known: dict[str, Person] = {}
        self._file: PeopleFile | None = None
        self.opened = 0
        self._seen = 0
        self._erased = 0

    def open(self) -> None:
        """Opens the file, and makes it where there is none. Errors: KeyringError."""
        with self._lock:
            self._open()

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._close()

    def person(self, principal: str) -> Person:
        """Gives the person of a principal; one who is met for the first time is added. Errors: KeyringError."""
        known = self._known.get(principal)
        if known is not None:
            return known
        with self._lock:
            try:
                person = self._added(principal)
            except KeyringError as error:
                self.failure = str(error)
                raise
            self.failure = None
            return person

    def known(self, principal: str) -> Person | None:
        """Gives the person of a principal who is known, and adds nobody. Errors: KeyringError."""
        known = self._known.get(principal)
        if known is not None:
            return known
        with self._lock:
            row = self._open_file().of_principal(principal)
            return self._remembered(row) if row else None

    def pseudonym_of(self, principal: str) -> str | None:
        """Gives the pseudonym of a principal who is known, and adds nobody. Errors: KeyringError."""
        known = self._known.get(principal)
        if known is not None:
            return known.pseudonym
        with self._lock:
            row = self._open_file().of_principal(principal)
            return row.pseudonym if row else None

    def principal_of(self, pseudonym: str) -> str | None:
        """Gives the principal behind a pseudonym; None for one who was erased, or never known. Errors: KeyringError."""
        with self._lock:
            row = self._open_file().of_pseudonym(pseudonym)
            return row.principal if row else None

    def key_of(self, pseudonym: str) -> bytes | None:
        """Gives the key of a pseudonym; None for one who was erased, or never known. Errors: KeyringError."""
        with self._lock:
            row = self._open_file().of_pseudonym(pseudonym)
            return row.key if row else None

    def shown(self, pseudonym: str) -> str:
        """Gives the principal, `erased` for one who was, else the pseudonym. Errors: KeyringError."""
        with self._lock:
            file = self._open_file()
            row = file.of_pseudonym(pseudonym)
            if row is not None:
                return row.principal
            return ERASED if file.is_erased(pseudonym) else pseudonym

    def people_after(self, number: int) -> list[PersonRow]:
        """Gives the people who were added behind a number, without their keys. Errors: KeyringError."""
        with self._lock:
            return self._open_file().after(number)

    def erased_after(self, number: int) -> list[ErasedRow]:
        """Gives those who were erased behind a number. Errors: KeyringError."""
        with self._lock:
            return self._open_file().erased_after(number)

    def erase(self, principal: str, at: datetime | None = None) -> str | None:
        """Deletes mapping and key of a principal; gives the pseudonym they had. Errors: KeyringError."""
        with self._lock:
            row = self._open_file().of_principal(principal)
            if row is not None:
                self._erase(row.pseudonym, at)
            return row.pseudonym if row else None

    def scrub(self) -> bool:
        """Takes what was erased out of the bytes of the file; says whether it is all gone. Errors: KeyringError.

        It is not while another program holds the file open in the middle of reading it: try again.
        """
        with self._lock:
            file = self._open_file()
            return file.scrubbed() or file.scrub()

    def catch_up(self) -> bool:
        """Notices whom other processes erased; says whether anybody was. Errors: KeyringError."""
        with self._lock:
            try:
                return self._catch_up()
            except KeyringError as error:
                self.failure = str(error)
                raise

    def _catch_up(self) -> bool:
        file = self._file
        if file is None or file.is_elsewhere():
            # Restored or deleted while it was in use: what is known belongs to the one before.
            self._close()
            self._open(BRIEF_SECONDS)
            return True
        seen = file.seen()
        gone = seen != self._seen and self._forget_erased(file)
        self._seen = seen
        if self.failure is not None:
            self._try_again(file)
        return gone

    def _try_again(self, file: PeopleFile) -> None:
        """Finds out whether what failed still would: where nobody new comes, nothing else ever would."""
        try:
            file.check_writable()
            self.failure = None
        except KeyringError as error:
            self.failure = str(error)

    def _open(self, busy_seconds: float = BUSY_SECONDS) -> None:
        if not self._path.exists():
            self._check_missing()
        file = PeopleFile(self._path, synced=self._synced, busy_seconds=busy_seconds)
        try:
            seen = file.seen()
            self._heed_tombstones(file)
            self._erased = 0
            self._forget_erased(file)
        except BaseException:
            # It may still know somebody who was erased: it is not open before the tombstones are heeded.
            file.close()
            raise
        self._file, self._seen = file, seen
        self.opened += 1
        self.failure = None

    def _check_missing(self) -> None:
        """Makes sure that a file that is about to be made has not been there before. Errors: KeyringError."""
        try:
            missed = names_people(self._journal)
            # Before the file, so that whoever finds the file and not the key knows that it is gone.
            pseudonyms_in(self._path.parent.parent)
        except OSError as error:
            raise KeyringError(f"{self._path} cannot be made: {error}.") from error
        if missed:
            raise KeyringError(
                f"{self._path} is gone, and the journal has records of people whom it knew. Restore it: without it "
                "nobody in them can be named or erased. To begin anew all the same, move the journal away as well."
            )

    def _heed_tombstones(self, file: PeopleFile) -> None:
        """Erases again whoever was erased after this file was copied, or while a kill came between."""
        before = file.tombstones()
        try:
            heeded = tombstones_from(self._journal, before)
        except OSError as error:
            raise KeyringError(f"{self._journal} cannot be read for tombstones: {error}.") from error
        for tombstone in heeded.tombstones:
            file.erase(tombstone.person, tombstone.at)
        if heeded.through != before:
            file.heeded(heeded.through)
        if not file.scrubbed():
            file.scrub()

    def _close(self) -> None:
        self._known.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_file(self) -> PeopleFile:
        if self._file is None:
            raise KeyringError(self.failure or f"{self._path} is not open.")
        return self._file

    def _added(self, principal: str) -> Person:
        file = self._open_file()
        row = file.of_principal(principal)
        while row is None:
            file.add(principal, _pseudonym(), secrets.token_bytes(KEY_BYTES))
            row = file.of_principal(principal)
        return self._remembered(row)

    def _remembered(self, row: PersonRow) -> Person:
        if len(self._known) >= self._most_known:
            del self._known[next(iter(self._known))]
        person = self._known[row.principal] = Person(row.pseudonym, row.key)
        return person

    def _erase(self, pseudonym: str, at: datetime | None = None) -> bool:
        file = self._open_file()
        gone = bool(file.erase(pseudonym, at or self._now()))
        self._forget_erased(file)
        return gone

    def _forget_erased(self, file: PeopleFile) -> bool:
        rows = file.erased_after(self._erased)
        if not rows:
            return False
        self._erased = rows[-1].number
        gone = {row.pseudonym for row in rows}
        for principal in [principal for principal, person in self._known.items() if person.pseudonym in gone]:
            del self._known[principal]
        return True


def is_pseudonym(name: str) -> bool:
    """Says whether a name could be a pseudonym."""
    return _PSEUDONYM.fullmatch(name) is not None


def _pseudonym() -> str:
    return f"p-{secrets.token_hex(PSEUDONYM_BYTES)}"
