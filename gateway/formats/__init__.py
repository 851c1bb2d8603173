"""The wire formats: how each API writes texts, calls and ends into its replies, and what it takes in a request.

All functions are pure and take decoded JSON; none of them raises, whatever a stranger's upstream sent.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from gateway.answers import Change, Path, ToolCall, Usage
from gateway.endpoints import Endpoint
from gateway.formats import chat, completions, plain, responses
from gateway.formats.found import CallDelta, FoundCall, KeptTurn, Piece
from gateway.formats.seams import Said, Seam


class Format(Protocol):
    """One wire format; a module is one."""

    @property
    def name(self) -> str:
        """chat, responses, completions or plain."""

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


def format_of(endpoint: Endpoint | str | None) -> Format:
    """Gives the format of an endpoint, or of its name; `plain` for those that have none of their own."""
    name = endpoint.name if isinstance(endpoint, Endpoint) else endpoint
    if isinstance(endpoint, Endpoint) and endpoint.template == "/chat/completions" and endpoint.method == "GET":
        return plain
    if name in ("chat.completions", "chat.completions.{completion_id}"):
        return chat
    if name == "completions":
        return completions
    if name in ("responses", "responses.compact", "responses.{response_id}", "responses.{response_id}.cancel"):
        return responses
    return plain
