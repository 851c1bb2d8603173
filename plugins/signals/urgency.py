"""How little time there is: by what the last turn says, by a deadline of the client, by the tier of service."""

from math import log

from plugins.signals.cues import Cues, in_words, of_each_kind, weighed
from plugins.signals.found import HINTED, Found, made_plain, together, worded

SHORT = 5.0
LONG = 3600.0
"""Seconds: a deadline of `SHORT` is as urgent as can be, one of `LONG` not at all; between them by their ratio."""
_PAID = 0.5


def urgency(seen: Cues, wording: float, deadline: float | None, service_tier: object) -> Found:
    """Weighs the cues and the `wording` of the last turn, a `deadline` in seconds from now, and the request's tier."""
    said = worded(wording, HINTED)
    if seen:
        said = together(Found(weighed(of_each_kind(seen)), in_words(seen)), said)
    found = [made_plain(said)]
    if deadline is not None and deadline < LONG:
        level = 1.0 - max(0.0, log(max(deadline, SHORT) / SHORT)) / log(LONG / SHORT)
        found.append(Found(level, f"the client waits no longer than {deadline:g} s"))
    if service_tier == "priority":
        found.append(Found(_PAID, "the request asks for the priority tier of service"))
    return together(*found) if len(found) > 1 else found[0]
