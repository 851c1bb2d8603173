"""The wire formats: how each API writes texts, calls and ends into its replies, and what it takes in a request.

All functions are pure and take decoded JSON; none of them raises, whatever a stranger's upstream sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from gateway.answers import Change, Path, ToolCall, Usage
from gateway.endpoints import Endpoint
from gateway.formats import chat, completions, listings, plain, responses, runs
from gateway.formats.found import CallDelta, FoundCall, KeptTurn, Piece
from gateway.formats.seams import Said, Seam


class Format(Protocol):
    """One wire format; a module is one."""

    @property
    def name(self) -> str:
        """chat, responses, completions, runs, listings or plain."""

    @property
    def repeats(self) -> bool:
        """Whether later events of a stream repeat the texts of earlier ones as wholes."""

    def pieces(self, reply: Any) -> list[Piece]:
        """Gives each text of a whole reply."""

    def calls(self, reply: Any) -> list[FoundCall]:
        """Gives each call of a whole reply."""

    def event_pieces(self, event: Any) -> list[Piece]:
        """Gives each text of one event; paths lead into that event."""

    def event_calls(self, event: Any) -> list[CallDelta]:
        """Gives what one event says about calls."""

    def ended_choices(self, event: Any) -> list[int]:
        """Gives the choices or output items that are complete with this event."""

    def ends(self, data: bytes, event: Any) -> bool:
        """Whether this event, as bytes and decoded (None where it is no JSON), is the last of a good stream."""

    def may_end(self, chunk: bytes) -> bool:
        """Whether raw bytes may hold the last event: cheap, sometimes wrong, but never a wrong no.

        A marker may be cut in two: let the last 24 bytes of the chunk before stand ahead.
        """

    def assembled(self, data: Iterable[bytes]) -> Any:
        """Gives the whole reply that the events' data add up to, None where there is nothing."""

    def usage(self, reply: Any) -> Usage | None:
        """Gives the tokens that the whole reply says it took."""

    def output_text(self, reply: Any) -> str:
        """Gives the text to count tokens of where the reply has no usage."""

    def input_text(self, request: Any) -> str:
        """Gives the text of a request to count tokens of where the reply has no usage."""

    def context_changes(self, request: Any, text: str, role: str = "developer") -> tuple[Change, ...]:
        """Gives the changes that put a message with this text directly before the last user turn."""

    def tool_results(self, request: Any, reply: Any, results: Sequence[tuple[ToolCall, str]]) -> tuple[Change, ...]:
        """Gives the changes that append the reply's turn, with the calls that have results, and the results."""

    def noted(self, request: Any, text: str) -> tuple[Change, ...]:
        """Gives the changes that put a note of the system behind all that was said."""

    def answered_calls(self, request: Any) -> list[str]:
        """Gives the ids of the calls whose results a request has."""

    def put_back(self, request: Any, turns: Sequence[KeptTurn]) -> tuple[Change, ...]:
        """Gives the changes that put calls which the client never saw, and their results, beside its own."""

    def made_with(self, event: Any) -> list[Any] | None:
        """Gives the tools that the reply of this event was made with, None where the event does not say it."""

    def may_call(self, data: bytes) -> bool:
        """Whether bytes may hold a call, or say what tools there are: cheap, sometimes wrong, but never a wrong no."""

    def may_hold_call(self, data: bytes) -> bool:
        """The same of calls alone, such as those of a whole reply."""

    def stray_call(self, told: Any, *, streamed: bool) -> str | None:
        """Gives the name of what tells of a call in other letters, or elsewhere, than it is read; None without it.

        `streamed` says that it is an event.
        """

    def cut_short(self, reply: Any) -> bool:
        """Whether a whole reply, or one event, says that the model was stopped before its turn was done."""

    def step_of(self, reply: Any, removed: Sequence[Path]) -> Said:
        """Gives what the reply of one step of a loop adds to the one that the client gets."""

    def joined(self, reply: Any, steps: Sequence[Said], removed: Sequence[Path]) -> list[Change]:
        """Gives the changes that make the last reply of a loop that of all its steps, without the calls at these paths.

        They come after those that leave all places where they were.
        """

    def seam(self) -> Seam:
        """Gives what makes one stream of those of a loop's steps."""


WITH_CALLS = frozenset(("chat", "responses", "runs", "listings"))
"""The formats in whose replies calls are read."""
WITH_TEXTS = frozenset(("chat", "responses", "completions"))
"""Those in whose replies texts are."""

_RUN = "threads.{thread_id}.runs.{run_id}"
_FORMATS: Mapping[str, Format] = {
    "chat.completions": chat,
    "chat.completions.{completion_id}": chat,
    "completions": completions,
    "responses": responses,
    "responses.compact": responses,
    "responses.{response_id}": responses,
    "responses.{response_id}.cancel": responses,
    "threads.runs": runs,
    "threads.{thread_id}.runs": runs,
    _RUN: runs,
    f"{_RUN}.cancel": runs,
    f"{_RUN}.submit_tool_outputs": runs,
}
_READ: Mapping[str, Format] = {
    "chat.completions": listings,
    "chat.completions.{completion_id}.messages": listings,
    "conversations.{conversation_id}.items": listings,
    "conversations.{conversation_id}.items.{item_id}": listings,
    "responses.{response_id}.input_items": listings,
    "threads.{thread_id}.runs": listings,
    f"{_RUN}.steps": listings,
    f"{_RUN}.steps.{{step_id}}": listings,
}
"""Those of endpoints that give again what there is (GET)."""


def format_of(endpoint: Endpoint | str | None) -> Format:
    """Gives the format of an endpoint, or of its name; `plain` for those that have none of their own."""
    if isinstance(endpoint, Endpoint):
        if endpoint.method == "GET" and (read := _READ.get(endpoint.name)) is not None:
            return read
        return _FORMATS.get(endpoint.name, plain)
    return plain if endpoint is None else _FORMATS.get(endpoint, plain)
