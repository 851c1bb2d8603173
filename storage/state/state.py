"""The state as one: every store of a database, and its life."""

from pathlib import Path

from storage.state.cards import Cards
from storage.state.database import Database, Migration
from storage.state.documents import Documents
from storage.state.feedback_tables import FeedbackTables
from storage.state.flag_overrides import FlagOverrides
from storage.state.kept_results import KeptResults
from storage.state.locks import Locks
from storage.state.people import erase
from storage.state.stores import Stores
from storage.state.symbols import KeptSymbols
from storage.state.tasks import Tasks
from storage.state.tightenings import Tightenings


class State:
    """The stores of `state.db` in a data folder, or of the PostgreSQL database at `url`."""

    def __init__(self, data: Path, url: str | None = None) -> None:
        """Opens nothing yet. Errors: StateError, for an address that is none of PostgreSQL."""
        self.database = Database(data, url)
        self.cards = Cards(self.database)
        self.documents = Documents(self.database)
        self.feedback_tables = FeedbackTables(self.database)
        self.flag_overrides = FlagOverrides(self.database)
        self.kept_results = KeptResults(self.database)
        self.locks = Locks(self.database)
        self.symbols = KeptSymbols(self.database)
        self.tasks = Tasks(self.database)
        self.tightenings = Tightenings(self.database)

    def open(self, migrate: Migration | None = None) -> None:
        """Opens it; `migrate` is for the office and for commands. Errors: StateError."""
        self.database.open(migrate)

    def close(self) -> None:
        """Closes it. Safe to call twice."""
        self.database.close()

    def erase(self, *people: str) -> int:
        """Erases people by their pseudonyms from every table; gives how many rows went. Errors: StateError."""
        return erase(self.database, people)

    def scrub(self) -> bool:
        """Takes what was erased out of the bytes of the file; says whether it is all gone. Errors: StateError."""
        return self.database.scrub()


def opened(data: Path, url: str | None) -> Stores:
    """Gives the open state with the schema that it has. Errors: StateError."""
    state = State(data, url)
    state.open()
    return state
