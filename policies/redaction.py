"""Takes secrets out of texts that strangers wrote, before they stand in a log or a record."""

import re

_SECRETS = re.compile(
    r"(?P<bearer>[Bb]earer\s+)[^\s\"',;]+"
    r"|\b(?:sk|lk|rk|pk)-[A-Za-z0-9_\-]{6,}"
    r"|\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
)
HIDDEN = "[redacted]"


def redacted(text: str) -> str:
    """Gives the text with bearer tokens, API keys and JSON web tokens hidden."""
    return _SECRETS.sub(lambda match: f"{match['bearer'] or ''}{HIDDEN}", text)
