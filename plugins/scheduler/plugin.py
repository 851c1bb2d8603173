"""The plugin: takes calls in the workers, and tells of what is due in the office."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from secrets import token_bytes
from typing import Annotated

import msgspec

from gateway import (
    Breaker,
    Chore,
    CircuitOpen,
    Exchange,
    PinnedWeb,
    Startup,
    Tool,
    ToolCall,
    ToolResult,
    UrlRefused,
    WebAddress,
    arguments_of,
    attempted,
    hookimpl,
    public_or_in,
    unfit,
)
from plugins.scheduler.due import PATIENCE, Teller
from plugins.scheduler.signature import KeyUnfit, key_in, key_of
from plugins.scheduler.when import WhenError, due_at
from storage.people import KeyringError
from storage.state.notes import TaskNote, task_with_note
from storage.state.state_error import StateError
from storage.state.when_needed import StateWhenNeeded

NAME = "schedule_task"
LONGEST_NOTE = 2000
MOST_WAITING = 100
LOOK_SECONDS = 1.0
_NONCE_BYTES = 12
_ID_BYTES = 12
TOOL = Tool(
    "scheduler",
    NAME,
    "Keeps a note for the user until a moment, at which they are reminded of it.",
    {
        "type": "object",
        "properties": {
            "when": {
                "type": "string",
                "description": "A moment in ISO 8601 (2026-11-20T15:00:00Z) or how long from now (PT15M, 15 minutes).",
            },
            "note": {"type": "string", "description": "What to remind the user of."},
        },
        "required": ["when", "note"],
        "additionalProperties": False,
    },
    seconds=10.0,
    side_effects=True,
)
_UNAVAILABLE = ToolResult("Tasks cannot be kept at the moment.", failed=True)
_TOO_MANY = ToolResult(f"Nothing was scheduled: {MOST_WAITING} tasks are waiting already.", failed=True)


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a call."""

    when: str
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NOTE)]


class Scheduled(msgspec.Struct, frozen=True):
    """What the model is told of a task that is kept."""

    id: str
    due: datetime


class Scheduler:
    """Answers calls of `schedule_task`, and tells the webhook of the settings of each task that is due."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`webhook` is the URL that is told, at one of the hosts that `tools.yaml` lists; without it nobody is told.

        `key` signs (`whsec_` and base64); without it one is made in `keys/scheduler.key` of the data folder.
        `networks` are networks of your own in which the host may be, beside the internet.
        """

        webhook: str | None = None
        key: str | None = None
        networks: tuple[str, ...] = ()

        def __post_init__(self) -> None:
            """Makes sure that it can be used. Errors: ValueError."""
            if self.webhook is not None:
                try:
                    WebAddress.of(self.webhook)
                except UrlRefused as error:
                    raise ValueError(f"webhook: {error}") from None
            if self.key is not None:
                try:
                    key_of(self.key)
                except KeyUnfit as error:
                    raise ValueError(f"key: it {error}") from None
            for network in self.networks:
                try:
                    ip_network(network)
                except ValueError as error:
                    raise ValueError(f"networks: {error}") from None

    def __init__(self, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._now = now
        self._breaker = Breaker()
        self._startup: Startup | None = None
        self._state: StateWhenNeeded | None = None
        self._teller: Teller | None = None
        self._address: WebAddress | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Makes ready what the calls need; the state is opened by the first of them. Errors: OSError, KeyUnfit."""
        if startup.people is None:
            return
        self._startup = startup
        self._state = StateWhenNeeded(startup.data, startup.settings.storage.state_url)
        if self._settings.webhook is None:
            return
        self._address = WebAddress.of(self._settings.webhook)
        networks = [ip_network(network) for network in self._settings.networks]
        key = key_in(startup.data) if self._settings.key is None else key_of(self._settings.key)
        web = PinnedWeb(may_reach=public_or_in(networks), patience=PATIENCE, most_bytes=4096)
        self._teller = Teller(web, self._address, key, startup.people, self._now)

    @hookimpl
    def shutdown(self) -> None:
        """Lets go of the state."""
        if self._state is not None:
            self._state.close()

    @hookimpl
    def health(self) -> str | None:
        """Says why the webhook is not told."""
        if self._address is None or self._startup is None or self._is_listed():
            return None
        return f"plugins.scheduler.webhook: {self._address.host} is none of scheduler.hosts in tools.yaml."

    @hookimpl
    def register_tools(self) -> list[Tool]:
        """Offers the tool."""
        return [TOOL]

    @hookimpl
    def register_engines(self) -> list[Chore]:
        """Tells of what is due, in the office."""
        return [Chore("scheduler", LOOK_SECONDS, self.tell)]

    def tell(self) -> bool:
        """Tells of some tasks that are due; says whether there may be more. Errors: KeyringError, StateError."""
        if self._teller is None or self._state is None or not self._is_listed():
            return False
        return self._teller.tell(self._state())

    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        """Keeps a task, in a thread."""
        if call.name != NAME:
            return None
        arguments = arguments_of(call, Arguments)
        if isinstance(arguments, ToolResult):
            return arguments
        try:
            due = due_at(arguments.when, self._now())
        except WhenError as error:
            return unfit(str(error))
        caller, id = exchange.caller, f"t-{token_bytes(_ID_BYTES).hex()}"
        if caller is None or self._state is None:
            return _UNAVAILABLE
        try:
            kept = await attempted(
                lambda: asyncio.to_thread(self._keep, id, caller.principal, due, arguments.note),
                lambda error: isinstance(error, StateError | KeyringError),
                self._breaker,
                "The state",
            )
        except (CircuitOpen, OSError):
            return _UNAVAILABLE
        return ToolResult(msgspec.json.encode(Scheduled(id, due)).decode()) if kept else _TOO_MANY

    def _keep(self, id: str, principal: str, due: datetime, note: str) -> bool:
        """Keeps a task; false where there are too many. Errors: KeyringError, StateError."""
        if self._startup is None or self._startup.people is None or self._state is None:
            return False
        person, tasks = self._startup.people.person(principal), self._state().tasks
        nonce = token_bytes(_NONCE_BYTES)
        task = task_with_note(id, person.pseudonym, person.key, TaskNote(note, due), self._now(), nonce)
        return tasks.add_to(task, MOST_WAITING)

    def _is_listed(self) -> bool:
        return (
            self._address is not None
            and self._startup is not None
            and self._address.is_listed(self._startup.policies.tools.scheduler.hosts)
        )
