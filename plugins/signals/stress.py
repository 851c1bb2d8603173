"""How strained an exchange is: the patience of the person who writes, and the state of what is to answer."""

from plugins.signals.cues import Cues, automaton, in_words, weighed
from plugins.signals.found import HINTED, NOTHING_FOUND, Found, made_plain, together, worded
from plugins.signals.load import LEAST, Load

_ONE_WORD = 0.35
_LEAST_CAPITALS = 12
_SHOUTED = automaton(
    r"\b(?:NOBODY|NEVER|STILL|AGAIN|EVERY|NOTHING|WHY|ALREADY|WRONG|ALWAYS|WORST)\b|"
    r"[a-z,] (?:NOT|NOW|DID|DON'T|WON'T)(?: [a-z]|[.!?]|$)",
    as_written=True,
)
# The share of exchanges from which on it strains, the share at which it is as bad as can be, and what it is called.
_STRAINS = (
    ("failed", 0.05, 0.5, "of the answers of the upstream lately were errors"),
    ("retried", 0.1, 0.6, "of the requests lately were sent more than once"),
    ("slow", 0.05, 0.5, "of the answers lately came later than they should (p95 is over budget)"),
    ("waited", 0.1, 0.6, "of the exchanges lately waited in the gateway"),
)


def stress(text: str, seen: Cues, wording: float, load: Load, now: int) -> Found:
    """Reads the user's last turn, its cues and `wording`; and the load at `now`, in ns of the monotonic clock."""
    person = worded(wording, HINTED)
    shouts = _shouts(text)
    if seen or shouts:
        said = Found(weighed(seen), in_words(seen)) if seen else NOTHING_FOUND
        shouting = Found(_ONE_WORD, "capitals that shout") if shouts else NOTHING_FOUND
        person = together(said, shouting, person)
    strained = strain(load, now)
    return made_plain(person) if strained is NOTHING_FOUND else together(made_plain(person), strained)


def _shouts(text: str) -> bool:
    """Whether a word is in capitals where those beside it are not; names, code and headings are no shouts."""
    if text.isupper():
        return len(text) >= _LEAST_CAPITALS
    return bool(_SHOUTED.Match(text.encode("utf-8", "replace")))


def strain(load: Load, now: int) -> Found:
    """Gives how strained the system is."""
    if load.counted(now) < LEAST:
        return NOTHING_FOUND
    found = []
    for name, least, most, says in _STRAINS:
        share = getattr(load, name) / load.ended
        if share > least:
            found.append(Found(min(1.0, (share - least) / (most - least)), f"{share:.0%} {says}"))
    return together(*found) if found else NOTHING_FOUND
