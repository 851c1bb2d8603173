"""Adds up the events of a chat completion, or of a legacy completion, to the reply as it is without streaming."""

from collections.abc import Iterable
from typing import Any

from gateway.formats.merged import add, settled
from gateway.formats.strangers import decoded, elements, number


def assembled(data: Iterable[bytes]) -> Any:
    """Gives the completion that the events' data add up to, None where none of them is an object."""
    reply = added_up(data, "chat.completion")
    for choice in elements(reply, "choices"):
        delta = choice.pop("delta", None)
        choice["message"] = {"role": "assistant", "content": None, **(delta if isinstance(delta, dict) else {})}
    return reply


def added_up(data: Iterable[bytes], kind: str) -> Any:
    """Gives the reply whose choices hold what their events add up to, under the events' own names."""
    reply: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for each in data:
        event = decoded(each)
        if event.__class__ is not dict:
            continue
        for key, value in event.items():
            if value is not None or key not in reply:
                reply[key] = value
        for at, choice in enumerate(elements(event, "choices")):
            if choice.__class__ is dict:
                _add_choice(choices.setdefault(number(choice, "index", at), {"logprobs": None}), choice)
    if not reply:
        return None
    reply.pop("obfuscation", None)
    reply["object"] = kind
    reply["choices"] = [{**settled(choices[index]), "index": index} for index in sorted(choices)]
    return reply


def _add_choice(grown: dict[str, Any], choice: dict[str, Any]) -> None:
    finish = choice.get("finish_reason")
    add(grown, {key: value for key, value in choice.items() if key != "finish_reason"})
    grown["finish_reason"] = finish if finish is not None else grown.get("finish_reason")
