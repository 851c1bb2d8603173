"""What of a turn its writer says: not what they quote, paste below a colon, or bring along in a long text.

How people feel and how little time they have is in their own words; a mail that is to be rewritten, a ticket that is to
be labelled and a document that is to be summarised tell of others. Whoever attacks hides in just these places, so that
risks are never read from own words alone.
"""

import re

LONG = 1200
"""In characters: of a longer turn the beginning and the end are the writer's own."""
_END = 300
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTED = re.compile(
    r'"[^"]{4,}"|“[^“”]{4,}”|„[^„“”"]{4,}[“”"]|«[^«»]{4,}»|「[^「」]{4,}」|『[^『』]{4,}』|'
    r"(?<!\w)'[^'\n]{4,}'(?!\w)|(?<!\w)‘[^‘’\n]{4,}’(?!\w)|^[ \t]*>.*$",
    re.MULTILINE,
)
_QUOTE = re.compile(r"[\"“„«「『'‘>]")
_PASTED = re.compile(r"(?<=\w)[ \t]*[:：][ \t]*\n.*", re.DOTALL)
_NAMED = re.compile(
    r"(?:^|[.?!)\n][ \t]*)(?:context|text|comment|ticket|message|mail|e-?mail|review|document|article|notes?|log)s?:.*",
    re.DOTALL | re.IGNORECASE,
)


def own_words(text: str) -> str:
    """Gives the text without what is quoted, fenced or pasted; the text itself where nothing is."""
    own = _FENCED.sub(" ", text) if "```" in text else text
    if _QUOTE.search(own):
        own = _QUOTED.sub(" ", own)
    if ":" in own or "：" in own:
        own = _NAMED.sub("", _PASTED.sub("", own))
    return own if len(own) <= LONG else f"{own[:_END]}\n{own[-_END:]}"
