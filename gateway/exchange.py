"""The exchange: one OpenAI-shaped request and its reply, and all that was decided on the way.

The pipeline alone writes it, each field in one phase. Plugins read it and return answers.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec

from gateway.answers import Answer, Context, Refusal, Route, SafetyMode, Usage
from gateway.endpoints import Endpoint
from identity.caller import Caller
from policies.prices import Cost
from policies.redaction import redacted_name

MODEL_LABEL_LENGTH = 200
DEFAULT_ROUTE = Route()
NOTHING_HOSTED: Mapping[str, str] = MappingProxyType({})
UNLIMITED: Mapping[str, float] = MappingProxyType({})
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Outcome: TypeAlias = Literal["answered", "refused", "upstream_error", "client_gone", "cut", "stopped", "failed"]


def first_header(headers: Headers, name: bytes) -> bytes | None:
    """Gives the first value of a header by its lower-case name."""
    for key, value in headers:
        if len(key) == len(name) and key.lower() == name:
            return value
    return None


class Received(msgspec.Struct, frozen=True, dict=True):
    """The request line and headers as they came.

    `target` is the raw path and query; header names keep their case; `client` is the address. `model_api` says
    that the request is for the model API and not for one of our own routes.
    """

    method: bytes
    target: bytes
    headers: Headers
    client: str = ""
    model_api: bool = True

    def header(self, name: bytes) -> bytes | None:
        """Gives the first value of a header by its lower-case name."""
        return self.first.get(name)

    @property
    def first(self) -> Mapping[bytes, bytes]:
        """The first value of each header by its lower-case name."""
        # Asked many times for each exchange, mostly for what is not there.
        known: dict[bytes, bytes] | None = self.__dict__.get("first_values")
        if known is None:
            known = {key.lower(): value for key, value in reversed(self.headers)}
            self.__dict__["first_values"] = known
        return known

    def only(self, name: bytes) -> bytes | None:
        """Gives the value of a header that stands there once; None where it is not there, or more than once."""
        first = self.first
        value = first.get(name)
        if value is None or len(first) == len(self.headers):
            return value
        return value if sum(key.lower() == name for key, _ in self.headers) == 1 else None


class Request(msgspec.Struct, frozen=True, dict=True):
    """The request as it would go out now; each nudge replaces the whole of it.

    `body` is None where it streams through (multipart, binary) and cannot be read. `json` is what the body
    says, None where it is not JSON. `fields` are the form fields that came ahead of a multipart body's files; what is
    asked in a realtime session has the session's model there.
    """

    endpoint: Endpoint | None
    body: bytes | None = b""
    json: Any = None
    fields: Mapping[str, str] = {}

    @property
    def model(self) -> str | None:
        """The model that the request names, None where it names none."""
        if isinstance(self.json, dict):
            model = self.json.get("model")
            return model if isinstance(model, str) else self.fields.get("model")
        return self.fields.get("model")

    @property
    def model_label(self) -> str | None:
        """The model's name as a record or a message repeats it: 200 characters, and no secret sent in its place."""
        known = self.__dict__
        if "label" not in known:
            model = self.model
            known["label"] = None if model is None else redacted_name(model[:MODEL_LABEL_LENGTH])
        label: str | None = known["label"]
        return label

    @property
    def streamed(self) -> bool:
        """Whether the request asks for a stream of events."""
        return isinstance(self.json, dict) and self.json.get("stream") is True


class Reply:
    """The upstream's reply as far as it came.

    `body` holds its bytes (None where they streamed through unread), `whole` says whether they are all there,
    `packed` whether they are still compressed.
    `json` is the reply as one JSON value; for a stream of events, the object that the events add up to.
    """

    __slots__ = ("_json", "_reader", "body", "headers", "packed", "status", "streamed", "whole")

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: bytes | None,
        reader: Callable[[bytes], Any],
        *,
        streamed: bool = False,
        whole: bool = True,
        packed: bool = False,
    ) -> None:
        self.packed = packed
        self.status = status
        self.headers = headers
        self.body = body
        self.streamed = streamed
        self.whole = whole
        self._reader = reader
        self._json: Any = msgspec.UNSET

    @property
    def json(self) -> Any:
        """The reply as JSON values, None where it is none. Read at the first use."""
        if self._json is msgspec.UNSET:
            self._json = self._reader(self.body) if self.body else None
        return self._json

    def header(self, name: bytes) -> bytes | None:
        """Gives the first value of a header by its lower-case name."""
        return first_header(self.headers, name)


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One request to an upstream; times in ns since the exchange arrived, None for what did not happen."""

    upstream: str
    model: str | None
    began_ns: int
    first_byte_ns: int | None
    ended_ns: int
    status: int | None = None
    request_id: str | None = None
    error: str | None = None


class Step(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One run of one hook of one plugin; `began_ns` since the exchange arrived.

    `times` counts runs of `watch` with nothing to say that stand together as one step, with their times added up.
    """

    hook: str
    plugin: str
    version: str
    began_ns: int
    took_ns: int
    answer: Answer | None = None
    fault: str | None = None
    times: int = 1


class ToolUse(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One call of the model that ran here, or that was blocked; `began_ns` since the exchange arrived.

    `alias` is that of a hosted tool. `summary` is of the arguments: redacted, at most 180 characters. `tokens` are
    those of the step that made the call. Of a blocked call, `safety_mode` is the one at the time, `offered` the tools
    that the request had, and `action` what was done.
    """

    name: str
    status: Literal["ok", "error", "timeout", "blocked"]
    began_ns: int
    took_ns: int
    because: str = ""
    alias: str = ""
    summary: str = ""
    tokens: int | None = None
    safety_mode: str = ""
    action: str = ""
    offered: tuple[str, ...] = ()


class Exchange:
    """One request and its reply on their way through the hooks.

    `arrived` is in ns since the epoch, `clock` in ns of the monotonic clock at the same moment. `request` is the
    request as it would go out now, `asked` the one that was taken in; that and `received` never change.
    `safety_mode` is the one in force; `allowed_tools` are the aliases of the hosted tools that it may use, None where
    nothing narrowed them; `hosted` gives by function name the alias of each hosted tool that the request offers;
    `limits` bound by name what is done here. `step` counts the calls of the upstream in a tool loop, the first is 1;
    from the second on all these only get tighter. The steps of `trail` from `shaped_from` on are of this target.
    `made_with` are the tools that a stream says it was made with, None until it says so; a whole reply holds its own.
    `degraded` says in words what of the exchange could not be done as it should have been. `policy` names the policies
    that were in force when it was taken in. `websocket` is the id of the one that the request came
    over, empty over HTTP.
    """

    __slots__ = (
        "allowed_tools",
        "arrived",
        "asked",
        "attempts",
        "caller",
        "clock",
        "contexts",
        "cost",
        "degraded",
        "endpoint",
        "error",
        "grants",
        "hosted",
        "id",
        "limits",
        "made_with",
        "outcome",
        "policy",
        "received",
        "refusal",
        "reply",
        "request",
        "route",
        "safety_mode",
        "shaped_from",
        "signals",
        "step",
        "tools",
        "trail",
        "usage",
        "websocket",
    )

    def __init__(self, id: str, arrived: int, clock: int, received: Received, endpoint: Endpoint | None) -> None:
        self.id = id
        self.arrived = arrived
        self.clock = clock
        self.received = received
        self.endpoint = endpoint
        self.asked = self.request = Request(endpoint)
        self.caller: Caller | None = None
        self.grants: Mapping[str, float] = {}
        self.signals: Mapping[str, float] = {}
        self.route = DEFAULT_ROUTE
        self.contexts: Sequence[Context] = ()
        self.safety_mode: SafetyMode = "balanced"
        self.allowed_tools: frozenset[str] | None = None
        self.hosted: Mapping[str, str] = NOTHING_HOSTED
        self.limits: Mapping[str, float] = UNLIMITED
        self.step = 1
        self.shaped_from = 0
        self.policy = ""
        self.refusal: Refusal | None = None
        self.attempts: list[Attempt] = []
        self.tools: list[ToolUse] = []
        self.degraded: list[str] = []
        self.reply: Reply | None = None
        self.made_with: list[Any] | None = None
        self.usage: Usage | None = None
        self.cost: Cost | None = None
        self.error: str | None = None
        self.outcome: Outcome = "failed"
        self.trail: list[Step] = []
        self.websocket = ""
