"""Tells which parameters a client set in a request: the numbers and words that a policy may change, and no texts."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Value: TypeAlias = int | float | str | bool
MOST = 1e9
"""Numbers beyond are no parameters that any model takes, and are left out."""
_WORDS = frozenset(("none", "minimal", "low", "medium", "high", "xhigh"))
OTHER = "other"
"""Stands for a word that no model knows: what strangers write there is no concern of records."""


def client_parameters(request: Any) -> dict[str, Value] | None:
    """Gives what a request's JSON sets, by the paths that changes name; None where it sets nothing.

    `stop` is how many sequences there are; `prompt` says that settings are kept elsewhere.
    """
    if request.__class__ is not dict:
        return None
    named = _NAMES.intersection(request)
    if not named:
        return None
    found = {}
    for name in sorted(named):
        path, read = _READ[name]
        value = read(request[name])
        if value is not None:
            found[path] = value
    return found or None


def request_of(parameters: Mapping[str, Value]) -> dict[str, Any]:
    """Gives members of a request that set these parameters, with stand-ins for what is not recorded."""
    members: dict[str, Any] = {}
    for path, value in parameters.items():
        outer, _, inner = path.partition(".")
        if path == "stop" and isinstance(value, int):
            members["stop"] = [f"stop {number}" for number in range(value)]
        elif path == "prompt":
            members["prompt"] = {"id": "stored"}
        else:
            members[outer] = {inner: value} if inner else value
    return members


def _number(value: Any) -> Value | None:
    return value if value.__class__ in (int, float) and -MOST <= value <= MOST else None


def _word(value: Any) -> Value | None:
    return None if value is None else value if value.__class__ is str and value in _WORDS else OTHER


def _inner_word(name: str) -> Callable[[Any], Value | None]:
    return lambda value: _word(value.get(name)) if isinstance(value, dict) else _word(value)


def _count(value: Any) -> Value | None:
    return len(value) if isinstance(value, list) else 1 if isinstance(value, str) else None


def _is_set(value: Any) -> Value | None:
    return True if value is not None and not isinstance(value, str | list) else None


_READ: Mapping[str, tuple[str, Callable[[Any], Value | None]]] = {
    **{
        name: (name, _number)
        for name in (
            "temperature",
            "top_p",
            "n",
            "best_of",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
        )
    },
    "reasoning_effort": ("reasoning_effort", _word),
    "verbosity": ("verbosity", _word),
    "reasoning": ("reasoning.effort", _inner_word("effort")),
    "text": ("text.verbosity", _inner_word("verbosity")),
    "stop": ("stop", _count),
    "prompt": ("prompt", _is_set),
}
_NAMES = frozenset(_READ)
