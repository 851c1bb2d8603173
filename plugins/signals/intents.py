"""Reads the header `x-lukhas-intent`: what a user means by a sign that their client has understood itself."""

from collections.abc import Mapping

from plugins.signals.found import Found
from plugins.signals.headers import HeaderError
from policies.intents import INTENTS, LEVELS

INTENT = b"x-lukhas-intent"
_LONGEST = 200


def intents_of(value: bytes) -> Mapping[str, Found]:
    """Gives what a header such as `reject, more_detail` raises, each signal with its reason. Errors: HeaderError."""
    if len(value) > _LONGEST:
        raise HeaderError(INTENT, f"is longer than {_LONGEST} bytes.")
    raised: dict[str, Found] = {}
    for part in value.decode("latin-1").split(","):
        intent = part.strip(" \t")
        if intent not in INTENTS:
            raise HeaderError(INTENT, f"names an intent that there is not; known: {', '.join(INTENTS)}.")
        signal, level = LEVELS.get(intent, ("", 0.0))
        if level > raised.get(signal, Found(0.0)).level:
            raised[signal] = Found(level, f"the client says that its user means {intent}")
    return raised
