"""Which hooks are asked on which traffic, where security hooks are skipped, and whether that is accepted.

This is the one place that states what the pipeline does: `docs/concepts.md` and `lukhas plugins` follow it. A security
hook that some plugin answers, and that some traffic would skip, stops the start unless a gap is accepted with a reason:
the shipped ones of `gaps.yaml`, the operator's of `coverage.accepted_gaps`.
"""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Literal, TypeAlias

import msgspec

from gateway.endpoints import Endpoint, EndpointTable
from gateway.formats import WITH_CALLS, WITH_TEXTS, format_of
from gateway.hookspecs import EXCHANGE_HOOKS
from gateway.loader import Chain, LoadError
from gateway.settings import AcceptedGap, Settings
from policies.document import read_document
from policies.tiers import matches

Sent: TypeAlias = Literal["nothing", "json", "multipart", "bytes", "websocket"]
Answered: TypeAlias = Literal["nothing", "json", "events", "bytes", "websocket"]
FILE = "gaps.yaml"
OTHER = "other"
_ON_WEBSOCKETS = {
    "responses": frozenset(("observe", "judge", "recall", "shape", "allow_tool", "watch", "review", "account")),
    "realtime": frozenset(("observe", "shape", "allow_tool", "account")),
}
"""What is asked about each request over a websocket, beside what is asked about everything."""
_SECURITY = tuple(hook.name for hook in EXCHANGE_HOOKS if hook.security)
_SENT: dict[str, Sent] = {"json": "json", "multipart": "multipart"}
_ANSWERED: dict[str, Answered] = {"json": "json", "sse": "events"}


class CoverageError(LoadError):
    """A security hook would be skipped, and nobody has accepted that."""


class Traffic(msgspec.Struct, frozen=True, order=True):
    """One kind of exchange: what is sent to an endpoint, and what comes back.

    `read` says that its replies are; `calls` that the calls in them are, and their texts are not.
    """

    endpoint: str
    sent: Sent
    answered: Answered
    read: bool
    calls: bool = False


class ShippedGap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Traffic on which hooks are not asked, and why; `sent` and `answered` narrow it, absent they fit all."""

    endpoints: tuple[str, ...]
    hooks: tuple[str, ...]
    reason: str
    sent: tuple[Sent, ...] | None = None
    answered: tuple[Answered, ...] | None = None


class _GapsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gaps: tuple[ShippedGap, ...]


class Gap(msgspec.Struct, frozen=True):
    """A hook that is not asked on some traffic; `reason` is why that is accepted, None where it is not."""

    traffic: Traffic
    hook: str
    reason: str | None


def traffic_of(table: EndpointTable) -> tuple[Traffic, ...]:
    """Gives every kind of exchange that the gateway carries, paths that no table knows included."""
    known = {each for endpoint in table.endpoints for each in _kinds(endpoint)}
    unknown = {
        Traffic(OTHER, sent, answered, False)
        for sent in ("nothing", "json", "multipart", "bytes")
        for answered in ("nothing", "json", "events", "bytes")
    }
    return tuple(sorted(known | unknown | {Traffic(OTHER, "websocket", "websocket", False)}))


def asked(traffic: Traffic, hook: str) -> bool:
    """Whether a hook is asked, with what it needs to know at hand."""
    match hook:
        case "identify" | "admit" | "route" | "record":
            return True
        case _ if traffic.sent == "websocket":
            return hook in _ON_WEBSOCKETS.get(traffic.endpoint, ())
        case "observe" | "judge" | "shape":
            return traffic.sent in ("nothing", "json")
        case "recall":
            return traffic.sent == "json" and traffic.read
        case "allow_tool" if traffic.calls and traffic.answered in ("json", "events"):
            return True
        case "allow_tool" | "watch" | "review":
            return traffic.answered == "nothing" or (traffic.read and traffic.answered in ("json", "events"))
        case "run_tool":
            return traffic.read and traffic.answered in ("json", "events")
        case "account":
            return traffic.answered in ("nothing", "json", "events")
    return False


def gaps_of(
    table: EndpointTable, hooks: Iterable[str], accepted: Iterable[AcceptedGap], shipped: Iterable[ShippedGap]
) -> Iterator[Gap]:
    """Gives each security hook among `hooks` that some traffic skips, the operator's reason before the shipped one."""
    accepted, shipped = tuple(accepted), tuple(shipped)
    for traffic in traffic_of(table):
        for hook in hooks:
            if hook in _SECURITY and not asked(traffic, hook):
                yield Gap(traffic, hook, _reason(traffic, hook, accepted, shipped))


def shipped_gaps() -> tuple[ShippedGap, ...]:
    """Gives the gaps that the gateway itself has and says why."""
    text = (files("gateway") / FILE).read_text(encoding="utf-8")
    return read_document(text, _GapsFile, f"gateway/{FILE}").gaps


def check_coverage(table: EndpointTable, chain: Chain, settings: Settings) -> tuple[Gap, ...]:
    """Gives the gaps that this chain has, all of them accepted. Errors: CoverageError for the first that is not."""
    answering = [hook for hook in _SECURITY if chain.implementations[hook]]
    gaps = tuple(gaps_of(table, answering, settings.coverage.accepted_gaps, shipped_gaps()))
    for gap in gaps:
        if gap.reason is None:
            plugins = ", ".join(each.plugin for each in chain.implementations[gap.hook])
            raise CoverageError(
                f"The hook {gap.hook} ({plugins}) would not be asked on {described(gap.traffic)}. Accept that with a "
                "reason in coverage.accepted_gaps of the settings, or take the plugin out of the chain."
            )
    return gaps


def described(traffic: Traffic) -> str:
    """Gives traffic in words."""
    if traffic.sent == "websocket":
        return f"{traffic.endpoint} over a websocket"
    sent = {"nothing": "without a body", "bytes": "with a body of another kind"}.get(
        traffic.sent, f"with a {traffic.sent} body"
    )
    answered = {"nothing": "no reply body", "events": "a stream of events", "bytes": "a reply of another kind"}.get(
        traffic.answered, f"a {traffic.answered} reply"
    )
    return f"{traffic.endpoint} {sent} and {answered}"


def _kinds(endpoint: Endpoint) -> Iterator[Traffic]:
    if endpoint.kind == "websocket":
        yield Traffic(endpoint.name, "websocket", "websocket", False)
        return
    form = format_of(endpoint).name
    read = form in WITH_TEXTS
    for sent in endpoint.request or (None,):
        for answered in endpoint.reply or (None,):
            yield Traffic(
                endpoint.name,
                "nothing" if sent is None else _SENT.get(sent, "bytes"),
                "nothing" if answered is None else _ANSWERED.get(answered, "bytes"),
                read,
                not read and form in WITH_CALLS,
            )


def _reason(
    traffic: Traffic, hook: str, accepted: tuple[AcceptedGap, ...], shipped: tuple[ShippedGap, ...]
) -> str | None:
    for own in accepted:
        if hook in own.hooks and matches((own.endpoints,), traffic.endpoint):
            return own.reason
    for gap in shipped:
        if (
            hook in gap.hooks
            and matches(gap.endpoints, traffic.endpoint)
            and (gap.sent is None or traffic.sent in gap.sent)
            and (gap.answered is None or traffic.answered in gap.answered)
        ):
            return gap.reason
    return None
