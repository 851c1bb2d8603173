"""Reads off a request what its client set of what a policy may change, by the fields of its endpoint."""

from collections.abc import Mapping
from typing import Any

from policies.modulation import Client

LIMITS: Mapping[str, tuple[str, ...]] = {
    "chat.completions": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
}
"""The fields for the most tokens; nothing is written into requests to an endpoint that is not named here."""
_SAMPLING = frozenset(("temperature", "top_p", "n", "stop"))
_CHAT = _SAMPLING | {"max_output_tokens", "reasoning_effort", "verbosity", "preamble"}
_COMPLETIONS = _SAMPLING | {"best_of"}
_RESPONSES = _CHAT - {"n", "stop"}


def client_of(endpoint: str, body: Mapping[str, Any]) -> Client:
    """Gives what a request sets, in the words of the policy, and what its endpoint takes."""
    given = {name: body.get(name) for name in ("temperature", "top_p", "n", "best_of", "stop")}
    limits = [limit for name in LIMITS[endpoint] if (limit := body.get(name)) is not None]
    given["max_output_tokens"] = _highest(limits)
    if endpoint == "completions":
        # Without a limit this endpoint stops after 16 tokens, so that any limit would loosen.
        return Client(given, _COMPLETIONS | {"max_output_tokens"} if limits else _COMPLETIONS)
    if endpoint == "chat.completions":
        given["reasoning_effort"], given["verbosity"] = body.get("reasoning_effort"), body.get("verbosity")
        return Client(given, _CHAT)
    given["reasoning_effort"] = _inner(body, "reasoning", "effort")
    given["verbosity"] = _inner(body, "text", "verbosity")
    stored = body.get("prompt") is not None
    if stored and not isinstance(body.get("input"), list):
        return Client(given, _RESPONSES - {"preamble"}, unseen=True)
    return Client(given, _RESPONSES, unseen=stored)


def _highest(limits: list[Any]) -> Any:
    """Gives the highest of several limits; one that is no number is higher than all, since nobody knows how it counts.

    Some upstreams read numbers in quotes.
    """
    numbers = [limit for limit in limits if limit.__class__ in (int, float)]
    if len(numbers) < len(limits):
        return next(limit for limit in limits if limit.__class__ not in (int, float))
    return max(numbers, default=None)


def _inner(body: Mapping[str, Any], outer: str, name: str) -> Any:
    """Gives the member of a member; where that is no object there is no place for it, so that it counts as set."""
    value = body.get(outer)
    return value.get(name) if isinstance(value, dict) else value
