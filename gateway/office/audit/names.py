"""Whose name stands where: records hold pseudonyms, and whoever may see a record reads the principal behind it."""

import re
from collections.abc import Callable

import msgspec

from identity.caller import Caller
from identity.keyring import ERASED, Keyring, is_pseudonym
from storage.bundles import Search

_CALLER = re.compile(rb'"caller":"(p-[0-9a-f]{20})"')


class Names:
    """Translates between principals, as people say them, and pseudonyms, as records have them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def of_caller(self, caller: Caller) -> str:
        """Gives what the records of a caller name. Errors: KeyringError."""
        return self.recorded(caller.principal)

    def recorded(self, principal: str) -> str:
        """Gives what records name for a principal; of one who is not known that is in none. Errors: KeyringError."""
        pseudonym = self._keyring.pseudonym_of(principal)
        # Who is called like a pseudonym is not the one who has it.
        return pseudonym or (f"not {principal}" if is_pseudonym(principal) else principal)

    def searched(self, search: Search) -> Search:
        """Gives a search with the callers as records name them; `erased` are all who were. Errors: KeyringError."""
        if search.caller == ERASED:
            erased = frozenset(row.pseudonym for row in self._keyring.erased_after(0))
            return msgspec.structs.replace(search, caller=None, among=erased)
        whose = self.recorded(search.caller) if search.caller is not None else None
        return msgspec.structs.replace(search, caller=whose)

    def of_person(self, pseudonym: str) -> str:
        """Gives the principal behind a pseudonym, or `erased`. Errors: KeyringError."""
        return self._keyring.shown(pseudonym)

    def unnamed(self, caller: Caller, line: Callable[[str], bytes]) -> bytes:
        """Gives the line that a caller leaves, made with their pseudonym. Errors: KeyringError."""
        person = self._keyring.person(caller.principal)
        return person.in_place_of(caller.principal, line(person.pseudonym))

    def shown(self, line: bytes) -> bytes:
        """Gives a line as people read it: the principal, or `erased`, in place of the caller. Errors: KeyringError."""
        found = _CALLER.search(line)
        if found is None:
            return line
        name = self._keyring.shown(found[1].decode())
        return line.replace(found[1], msgspec.json.encode(name)[1:-1])
