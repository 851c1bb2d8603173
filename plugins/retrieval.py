"""Hosted tool `retrieve_knowledge`: gives the model passages of the caller's own documents."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from gateway import (
    Breaker,
    CircuitOpen,
    Exchange,
    Startup,
    Tool,
    ToolCall,
    ToolResult,
    arguments_of,
    attempted,
    hookimpl,
)
from identity.caller import Caller
from identity.keyring import Keyring
from storage.people import KeyringError
from storage.state.records import Found
from storage.state.sealed import SealedError
from storage.state.state_error import StateError
from storage.state.when_needed import StateWhenNeeded

NAME = "retrieve_knowledge"
USUAL_K = 6
TOOL = Tool(
    "retrieval",
    NAME,
    "Finds passages in the user's own documents. Ask with the words that the passage would have.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for."},
            "k": {"type": "integer", "minimum": 1, "maximum": 20, "description": "How many passages at most."},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
    seconds=10.0,
)
_UNAVAILABLE = ToolResult("The documents cannot be searched at the moment.", failed=True)


class Knowledge(Protocol):
    """Whatever holds what callers may be reminded of."""

    def search(self, query: str, k: int, caller: Caller) -> Sequence[Found]:
        """Gives passages of the caller's own, the best first; it may wait, and is asked in a thread.

        Errors: OSError, where it may go well the next time; SealedError.
        """
        ...


class OwnDocuments:
    """The documents that stand in the state, each sealed for its person."""

    def __init__(self, people: Keyring, state: StateWhenNeeded) -> None:
        self._people = people
        self._state = state

    def search(self, query: str, k: int, caller: Caller) -> Sequence[Found]:
        """Gives passages, none for somebody who was never met. Errors: KeyringError, StateError, SealedError."""
        person = self._people.known(caller.principal)
        return [] if person is None else self._state().documents.search(person.pseudonym, person.key, query, k)


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a call."""

    query: Annotated[str, msgspec.Meta(max_length=4000)]
    k: Annotated[int, msgspec.Meta(ge=1, le=20)] | None = None


class Retrieval:
    """Answers calls of `retrieve_knowledge`; a test gives a `Knowledge` of its own."""

    def __init__(self, knowledge: Knowledge | None = None) -> None:
        self._knowledge = knowledge
        self._state: StateWhenNeeded | None = None
        self._breaker = Breaker()

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Learns where the documents are; nothing is opened before the first call."""
        if self._knowledge is None and startup.people is not None:
            self._state = StateWhenNeeded(startup.data, startup.settings.storage.state_url)
            self._knowledge = OwnDocuments(startup.people, self._state)

    @hookimpl
    def shutdown(self) -> None:
        """Lets go of them."""
        if self._state is not None:
            self._state.close()

    @hookimpl
    def register_tools(self) -> list[Tool]:
        """Offers the tool."""
        return [TOOL]

    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        """Searches, in a thread."""
        if call.name != NAME:
            return None
        arguments = arguments_of(call, Arguments)
        if isinstance(arguments, ToolResult):
            return arguments
        knowledge, caller = self._knowledge, exchange.caller
        if knowledge is None or caller is None:
            return _UNAVAILABLE
        k = _most(arguments.k, exchange.limits.get("retrieval_k"))
        try:
            found = await attempted(
                lambda: asyncio.to_thread(knowledge.search, arguments.query, k, caller),
                _may_pass,
                self._breaker,
                "The store of documents",
            )
        except (CircuitOpen, SealedError, OSError):
            return _UNAVAILABLE
        return ToolResult(_told(found))


def _most(asked: int | None, limit: float | None) -> int:
    """Gives how many passages there may be: what the model asks for, within what the policy says."""
    if limit is None:
        return asked or USUAL_K
    most = max(1, int(limit))
    return min(asked or most, most)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, StateError | KeyringError)


def _told(found: Sequence[Found]) -> str:
    passages = [{"document": each.name, "text": each.text} for each in found]
    return msgspec.json.encode({"passages": passages}).decode()
