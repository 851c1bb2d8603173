"""Takes secrets out of texts that strangers wrote, before they stand in a log or a record."""

import re
from base64 import b64decode
from functools import lru_cache

HIDDEN = "[redacted]"
# One of these stands in every secret below: a text without them needs no closer look.
_MARKS = ("k-", "k_", "eyj", "bearer", "basic", "akia", "asia", "gh", "xox", "aiza", "hf_", "glpat", "private")
_SECRETS = re.compile(
    # What an error says to write there is no secret.
    r"(?P<bearer>\b(?i:bearer)\s+)(?!YOUR_(?:API_)?KEY(?:[\s\"',;).]|$))[^\s\"',;]+"
    r"|(?P<basic>\b(?i:basic)\s+)(?P<pair>[A-Za-z0-9+/]{4,}={0,2})"
    r"|(?<![A-Za-z0-9])(?:sk|lk|rk|pk)-[A-Za-z0-9_\-]{6,}"
    r"|(?<![A-Za-z0-9])(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{6,}"
    r"|(?<![A-Za-z0-9])eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
    r"|(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}"
    r"|(?<![A-Za-z0-9])xox[a-z]-[A-Za-z0-9\-]{8,}"
    r"|(?<![A-Za-z0-9])AIza[A-Za-z0-9_\-]{30,}"
    r"|(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,}"
    r"|(?<![A-Za-z0-9])glpat-[A-Za-z0-9_\-]{16,}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)


def redacted(text: str) -> str:
    """Gives the text with bearer tokens, API keys and JSON web tokens hidden, in what UTF-8 can hold."""
    lower = text.lower()
    for mark in _MARKS:
        if mark in lower:
            text = _SECRETS.sub(_hidden, text)
            break
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(maxsize=4096)
def redacted_name(name: str) -> str:
    """Gives a name as `redacted` does: of a model or a tool, for which strangers may take a secret; they come often."""
    return redacted(name)


def _hidden(found: re.Match[str]) -> str:
    if found["pair"] is not None and not _is_pair(found["pair"]):
        return found[0]
    return f"{found['bearer'] or found['basic'] or ''}{HIDDEN}"


def _is_pair(encoded: str) -> bool:
    """Whether this is a name and a password, and no word behind the word `basic`."""
    try:
        return b":" in b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return False
