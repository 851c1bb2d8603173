"""Takes secrets out of texts that strangers wrote, before they stand in a log or a record."""

import re

_SECRETS = re.compile(
    r"(?P<bearer>\b(?i:bearer)\s+)[^\s\"',;]+"
    r"|(?<![A-Za-z0-9])(?:sk|lk|rk|pk)-[A-Za-z0-9_\-]{6,}"
    r"|(?<![A-Za-z0-9])eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
)
HIDDEN = "[redacted]"


def redacted(text: str) -> str:
    """Gives the text with bearer tokens, API keys and JSON web tokens hidden, in what UTF-8 can hold."""
    hidden = _SECRETS.sub(lambda match: f"{match['bearer'] or ''}{HIDDEN}", text)
    return hidden.encode("utf-8", "replace").decode()
