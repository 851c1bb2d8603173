"""What plugins may answer: small frozen values, which the pipeline alone writes into the exchange.

`None` always means that there is nothing to say. Each answer belongs to the hooks named in its docstring;
any other answer of a hook is a fault of the plugin and counts as one that broke.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from identity.caller import Caller

SafetyMode: TypeAlias = Literal["strict", "balanced", "creative"]
Path: TypeAlias = tuple[str | int, ...]
MOST_TOKENS = 1 << 53
"""What any JSON reader can hold; more is no count."""


class _Answer(msgspec.Struct, frozen=True, tag_field="answer", tag=str.lower):
    """What all answers have in common: frozen, and named by their kind in records."""


class Refusal(_Answer, frozen=True):
    """A decision not to carry on (admit, judge, review), or not to let one tool call through (allow_tool).

    `status` is the HTTP status of the answer, `code` the machine-readable reason; `type` defaults to the OpenAI
    error type that goes with the status. `retry_after` is in seconds.
    """

    message: str
    code: str = "refused"
    status: int = 403
    type: str | None = None
    param: str | None = None
    retry_after: float | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Grant(_Answer, frozen=True):
    """Admission (admit), with limits by name; where several grants name a limit, the smallest holds."""

    limits: Mapping[str, float] = {}


class Signals(_Answer, frozen=True, omit_defaults=True):
    """Levels between 0 and 1 by signal name (observe), each with a reason in `because` where there is one.

    Levels outside are clamped; a level that is not a number is a fault of the plugin. `applied` of False says that the
    levels are recorded and act on nothing, as in shadow.
    """

    levels: Mapping[str, float]
    because: Mapping[str, str] = {}
    applied: bool = True


class Target(msgspec.Struct, frozen=True):
    """One place to send an exchange to: an upstream of the settings and, where it differs, another model."""

    upstream: str = "default"
    model: str | None = None


class Route(_Answer, frozen=True):
    """Where the exchange goes (route): the first target, and after it those to fall back on.

    A fallback is tried only when nothing was sent to the one before it (no connection), or its reply has one
    of the statuses in `fall_back_on` and nothing has gone out to the client yet.
    """

    targets: tuple[Target, ...] = (Target(),)
    fall_back_on: tuple[int, ...] = ()
    because: str = ""


class Context(_Answer, frozen=True):
    """Text to remind the model of (recall); offered as untrusted data directly before the last user turn."""

    text: str
    source: str


class Set(msgspec.Struct, frozen=True, tag="set"):
    """Gives the member at `path` of the request body (or reply, in an Amendment) this JSON value."""

    path: Path
    value: Any


class Remove(msgspec.Struct, frozen=True, tag="remove"):
    """Takes the member at `path` away; nothing happens where there is none."""

    path: Path


class Insert(msgspec.Struct, frozen=True, tag="insert"):
    """Puts a JSON value into the array at `path`, before the element number `at`."""

    path: Path
    at: int
    value: Any


Change: TypeAlias = Set | Remove | Insert


class Nudge(_Answer, frozen=True, omit_defaults=True):
    """Changes to the request body (shape), with the reason that stands in the record.

    `reasons` has one for each change, then for `safety_mode` and `allowed_tools` where those are given; what has none
    goes by `because`. `sources` names in the same order what led to each, such as a signal. `applied` of False says
    that all of it is recorded and not done, as in shadow. `safety_mode` and `allowed_tools` (aliases of hosted tools)
    are what the exchange goes on under; `hosted` gives, by the function name that the model sees, the alias of each
    hosted tool that the request now offers. `levels` are those that acted where they are not the signals of the
    exchange, `damped` says in words what was held back. `limits` bound by name what is done here for the exchange
    (`planner_beam`: hosted calls at a time, `retrieval_k`: passages); of several the smallest holds.
    """

    changes: tuple[Change, ...]
    because: str
    applied: bool = True
    reasons: tuple[str, ...] = ()
    safety_mode: SafetyMode | None = None
    allowed_tools: tuple[str, ...] | None = None
    hosted: Mapping[str, str] = {}
    sources: tuple[str, ...] = ()
    levels: Mapping[str, float] = {}
    damped: tuple[str, ...] = ()
    limits: Mapping[str, float] = {}


class ToolCall(msgspec.Struct, frozen=True):
    """A call that the model made, assembled: `arguments` is the JSON text as the model wrote it.

    `server` is the label of the MCP server whose tool is called, empty for others and where it is not known.
    `namespace` is that of the tool, empty for one that stands in none.
    """

    id: str
    name: str
    arguments: str
    choice: int = 0
    index: int = 0
    kind: str = "function"
    server: str = ""
    namespace: str = ""


class ToolResult(_Answer, frozen=True):
    """What a tool run here gave back to the model (run_tool)."""

    output: str
    failed: bool = False


class Window(msgspec.Struct, frozen=True):
    """A piece of the reply that has not gone out yet (given to watch).

    `text` is what waits, `before` the end of what went out already; `channel` is text, reasoning, refusal or
    arguments; `choice` the choice or output item. `last` says that nothing follows on this channel.
    """

    text: str
    before: str
    channel: str
    choice: int
    last: bool


class Release(_Answer, frozen=True):
    """The window may go out (watch)."""


class Hold(_Answer, frozen=True):
    """The window waits for more text (watch); what is held at the end is asked about with `last` set."""

    because: str = ""


class Redact(_Answer, frozen=True):
    """The window goes out as `text` instead (watch)."""

    text: str
    because: str = ""


class Cut(_Answer, frozen=True):
    """The reply ends here, with an error event where a stream is already going out (watch)."""

    because: str
    code: str = "content_cut"


class Amendment(_Answer, frozen=True):
    """Changes to the whole reply before it goes out (review)."""

    changes: tuple[Change, ...]
    because: str


class Retry(_Answer, frozen=True):
    """The upstream is asked once more before anything has gone out (review); `changes` tighten the request."""

    because: str
    changes: tuple[Change, ...] = ()


class Usage(_Answer, frozen=True):
    """Tokens of an exchange (account); `estimated` says that they were not counted by the upstream.

    Cached and audio tokens are parts of the input, reasoning and audio tokens of the output; cached audio is a part of
    the cached tokens and of the audio.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    cached_audio_tokens: int = 0


Verdict: TypeAlias = Release | Hold | Redact | Cut
Answer: TypeAlias = (
    Caller | Refusal | Grant | Signals | Route | Context | Nudge | ToolResult | Verdict | Amendment | Retry | Usage
)
