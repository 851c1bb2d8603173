"""Tells the views of the warehouse who stands behind a pseudonym; in memory alone, so that no file has to forget it."""

from collections.abc import Sequence
from typing import Protocol

import duckdb

from storage.people import ErasedRow, PersonRow

TABLE = "CREATE OR REPLACE TABLE memory.main.people (pseudonym VARCHAR, principal VARCHAR)"
_ADD = "INSERT INTO memory.main.people SELECT unnest(?), unnest(?)"
_FORGET = "UPDATE memory.main.people SET principal = NULL WHERE list_contains(?, pseudonym)"


class People(Protocol):
    """Who knows people: the keyring. `opened` is another number whenever all may be different."""

    @property
    def opened(self) -> int:
        """How many times it was opened."""

    def people_after(self, number: int) -> Sequence[PersonRow]:
        """Gives the people who were added behind a number. Errors: KeyringError."""

    def erased_after(self, number: int) -> Sequence[ErasedRow]:
        """Gives those who were erased behind a number. Errors: KeyringError."""


class NoPeople:
    """Knows nobody: then the views show pseudonyms."""

    opened = 0

    def people_after(self, number: int) -> Sequence[PersonRow]:
        """Gives nobody."""
        return ()

    def erased_after(self, number: int) -> Sequence[ErasedRow]:
        """Gives nobody."""
        return ()


class ShownPeople:
    """Keeps the table of people of one connection as the keyring has them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, people: People) -> None:
        self._connection = connection
        self._people = people
        self._opened = -1
        self._number = 0
        self._erased = 0

    def refresh(self) -> None:
        """Takes new people and erasures over. Errors: KeyringError, duckdb.Error."""
        if self._people.opened != self._opened:
            self._opened, self._number, self._erased = self._people.opened, 0, 0
            self._connection.execute(TABLE)
        added = self._people.people_after(self._number)
        if added:
            self._add([row.pseudonym for row in added], [row.principal for row in added])
            self._number = added[-1].number
        erased = self._people.erased_after(self._erased)
        if erased:
            gone = [row.pseudonym for row in erased]
            self._connection.execute(_FORGET, [gone])
            self._add(gone, [None] * len(gone))
            self._erased = erased[-1].number

    def _add(self, pseudonyms: list[str], principals: Sequence[str | None]) -> None:
        self._connection.execute(_ADD, [pseudonyms, list(principals)])
