"""Adds up the events of a chat completion, or of a legacy completion, to the reply as it is without streaming."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway.formats.merged import add, settled
from gateway.formats.strangers import decoded, elements, number


def assembled(data: Iterable[bytes]) -> Any:
    """Gives the completion that the events' data add up to, None where none of them is an object."""
    reply = added_up(data, "chat.completion")
    for choice in elements(reply, "choices"):
        delta = choice.pop("delta", None)
        choice["message"] = {"role": "assistant", "content": None, **(delta if isinstance(delta, dict) else {})}
    return reply


class _Delta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    content: str


class _Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    index: int
    delta: _Delta
    finish_reason: None = None
    logprobs: None = None


class _TextEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What nearly all events of a chat are: a piece of one choice's text."""

    id: str
    object: str
    created: int
    model: str
    choices: tuple[_Choice]
    system_fingerprint: str | msgspec.UnsetType | None = msgspec.UNSET
    service_tier: str | msgspec.UnsetType | None = msgspec.UNSET
    usage: msgspec.UnsetType | None = msgspec.UNSET
    obfuscation: str | None = None

    def continues(self, other: "_TextEvent") -> bool:
        """Whether the two say the same but for their texts."""
        return (
            self.choices[0].index == other.choices[0].index
            and self.system_fingerprint == other.system_fingerprint
            and self.service_tier == other.service_tier
            and self.usage is other.usage
        )


_TEXT_EVENT = msgspec.json.Decoder(_TextEvent)
# Events of another kind that follow on each other before it is not tried any more.
_STRANGERS = 4


def _events(data: Iterable[bytes]) -> Iterator[Any]:
    """Gives the events as JSON values, those that differ in their texts alone as one, which is far quicker."""
    texts: list[str] = []
    last: _TextEvent | None = None
    strangers = 0
    for each in data:
        event: _TextEvent | None = None
        if strangers < _STRANGERS:
            try:
                event = _TEXT_EVENT.decode(each)
                strangers = 0
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                strangers += 1
        if last is not None and (event is None or not event.continues(last)):
            yield _joined(last, texts)
            texts, last = [], None
        if event is None:
            yield decoded(each)
        else:
            texts.append(event.choices[0].delta.content)
            last = event
    if last is not None:
        yield _joined(last, texts)


def _joined(last: _TextEvent, texts: list[str]) -> dict[str, Any]:
    choice = {"index": last.choices[0].index, "delta": {"content": "".join(texts)}, "finish_reason": None}
    event: dict[str, Any] = {**msgspec.structs.asdict(last), "choices": [choice]}
    return {key: value for key, value in event.items() if value is not msgspec.UNSET}


def added_up(data: Iterable[bytes], kind: str) -> Any:
    """Gives the reply whose choices hold what their events add up to, under the events' own names."""
    reply: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in _events(data):
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
