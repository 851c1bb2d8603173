"""Builders of what plugins are given: exchanges as the pipeline would have written them, without a gateway."""

import functools
from collections.abc import Mapping
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from gateway.answers import ToolCall, Usage, Window
from gateway.audit_id import new_audit_id
from gateway.endpoints import Endpoint, EndpointTable, load_endpoints
from gateway.exchange import Exchange, Headers, Received, Reply, Request
from gateway.formats import format_of
from gateway.hookspecs import Startup
from gateway.json_body import read_json
from gateway.live_policies import LivePolicies, policies_in_force
from gateway.settings import Settings
from gateway.sse import EventReader
from identity.caller import Caller
from identity.pseudonyms import Pseudonyms


def a_caller(tier: str = "T2", **members: Any) -> Caller:
    """Gives an identified caller with a gateway key; any member may be named."""
    known: dict[str, Any] = {"principal": "key:test", "tier": tier, "kind": "gateway_key", "upstream_key": "operator"}
    return Caller(**{**known, **members})


def an_exchange(
    says: str | Mapping[str, Any] | bytes = "Hello",
    *,
    path: str = "/v1/chat/completions",
    method: str = "POST",
    model: str = "gpt-4o-mini",
    stream: bool = False,
    headers: Mapping[str, str] | None = None,
    caller: Caller | None = None,
    reply: Reply | None = None,
    signals: Mapping[str, float] | None = None,
    usage: Usage | None = None,
) -> Exchange:
    """Gives an exchange that has been taken in.

    `says` is what the user says, as chat messages or responses input by the path; or the whole body as a mapping;
    or its bytes.
    """
    endpoint = _table().find(method, path.removeprefix("/v1"))
    body = says if isinstance(says, bytes) else msgspec.json.encode(_body(says, endpoint, model, stream))
    pairs: Headers = (
        (b"content-type", b"application/json"),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()),
    )
    received = Received(method.encode(), path.encode(), pairs, "127.0.0.1")
    exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), received, endpoint)
    exchange.asked = exchange.request = Request(endpoint, body, read_json(body) if body else None)
    exchange.caller = caller or a_caller()
    exchange.signals = dict(signals or {})
    exchange.reply = reply
    exchange.usage = usage
    return exchange


def a_reply(
    says: str | Mapping[str, Any] = "Hello to you", *, path: str = "/v1/chat/completions", status: int = 200
) -> Reply:
    """Gives a whole reply: `says` is what the model says, or the whole JSON."""
    body = msgspec.json.encode(_reply_body(says, path) if isinstance(says, str) else says)
    return Reply(status, ((b"content-type", b"application/json"),), body, msgspec.json.decode)


def a_streamed_reply(events: bytes, *, path: str = "/v1/chat/completions", whole: bool = True) -> Reply:
    """Gives a reply that came as a stream of events; `events` are their bytes."""
    form = format_of(_table().find("POST", path.removeprefix("/v1")))

    def read(body: bytes) -> Any:
        return form.assembled(event.data for event in EventReader().feed(body) if event.data)

    return Reply(200, ((b"content-type", b"text/event-stream"),), events, read, streamed=True, whole=whole)


def a_window(text: str, *, before: str = "", channel: str = "text", choice: int = 0, last: bool = False) -> Window:
    """Gives a piece of a reply, as `watch` is given it."""
    return Window(text, before, channel, choice, last)


def a_call(name: str = "lookup", arguments: str = "{}", **members: Any) -> ToolCall:
    """Gives a call that a model made, as `allow_tool` and `run_tool` are given it."""
    return ToolCall("call_1", name, arguments, **members)


def started(data: Path, settings: Settings | None = None, admin_key: str | None = None, **members: Any) -> Startup:
    """Gives what `startup` is given, with `data` as the folder of what survives; any other member may be named."""
    pseudonym, settings = Pseudonyms(b"a key for tests"), settings or Settings()
    policies = _shipped_policies() if settings.policies.folder is None else policies_in_force(settings)
    return Startup(settings, data, CollectorRegistry(), pseudonym, admin_key, **{"policies": policies, **members})


@functools.cache
def _shipped_policies() -> LivePolicies:
    return LivePolicies()


@functools.cache
def _table() -> EndpointTable:
    return load_endpoints()


def _body(says: str | Mapping[str, Any], endpoint: Endpoint | None, model: str, stream: bool) -> Mapping[str, Any]:
    if not isinstance(says, str):
        return says
    streamed = {"stream": True} if stream else {}
    if endpoint is not None and endpoint.template == "/responses":
        return {"model": model, "input": says, **streamed}
    if endpoint is not None and endpoint.template == "/completions":
        return {"model": model, "prompt": says, **streamed}
    return {"model": model, "messages": [{"role": "user", "content": says}], **streamed}


def _reply_body(says: str, path: str) -> Mapping[str, Any]:
    if path.endswith("/responses"):
        content = [{"type": "output_text", "text": says, "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
        return {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o-mini", "output": [item]}
    message = {"role": "assistant", "content": says, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
