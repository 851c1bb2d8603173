"""How unclear the last turn of the user is: too short to act on, about something unnamed, or against itself."""

from plugins.signals.cues import Cues, in_words, weighed
from plugins.signals.found import HINTED, NOTHING_FOUND, Found, together, worded
from plugins.signals.words import Words

LONGEST = 160
"""In characters: a longer turn names enough."""
MANY = 6
"""In words: of more than these, one that names something may be enough."""
IN_CONTEXT = 0.25
"""What is left of a short turn's level where something was said or attached that it may mean."""
_MARKS = str.maketrans(dict.fromkeys(".,!?;…、。！？，", " "))
_SPECIFIC = ('"', "`", "“", "«", "「", ": ", "=", "(", "{", "@", "/", "#", "\n")
_DENSE = "\u2e80"
"""From this sign on, scripts that do not divide words by spaces."""

_NOTHING = (0.75, "short, and names nothing")
_LITTLE = (0.45, "short, and names little")
_RATHER_LITTLE = (0.12, "short, and names little")
_UNNAMED = (0.12, "speaks of what it does not name")
_BRIEF = (0.1, "names little")
_CLEAR = (0.0, "")


def ambiguity(text: str, in_context: bool, seen: Cues, wording: float, words: Words) -> Found:
    """Reads the last turn, its cues and its `wording`; `in_context`: something came with it that it may mean."""
    against = Found(weighed(seen), in_words(seen)) if seen else NOTHING_FOUND
    if len(text) > LONGEST:
        return against
    part = IN_CONTEXT if in_context else 1.0
    if not text or any(sign in text for sign in _SPECIFIC) or any(map(str.isdigit, text)):
        return together(against, worded(wording * part, HINTED))
    lower = text.lower()
    level, because = _vague_signs(lower, words) if max(lower) >= _DENSE else _vague(lower, words)
    return together(Found(level * part, because), against, worded(wording * part, HINTED))


def _vague(lower: str, words: Words) -> tuple[float, str]:
    said = lower.translate(_MARKS).split()
    if not said or not words.thanks.isdisjoint(said):
        return _CLEAR
    named = sum(word not in words.nameless for word in said)
    refers = sum(word in words.references for word in said)
    if named == 0:
        return _NOTHING
    if named == 1 and len(said) > 1 and lower.startswith(words.defines):
        return _CLEAR
    if named > 2:
        return _UNNAMED if refers >= 3 and named < refers + 2 else _CLEAR
    if len(said) > MANY:
        return _BRIEF
    if named == 2:
        return _UNNAMED if refers else _BRIEF
    return _LITTLE if refers or len(said) <= 3 else _RATHER_LITTLE


def _vague_signs(lower: str, words: Words) -> tuple[float, str]:
    rest = "".join(lower.translate(_MARKS).split())
    for sign in words.signs:
        rest = rest.replace(sign, "")
    return _NOTHING if len(rest) <= 2 else _RATHER_LITTLE if len(rest) == 3 else _CLEAR
