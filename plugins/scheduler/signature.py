"""Signs what goes to the webhook as Standard Webhooks (standardwebhooks.com) has it: id, time and body together."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from secrets import token_bytes

from storage.made_once import make_once

PREFIX = "whsec_"
KEY_BYTES = 32
FEWEST_BYTES = 24
_FILE = "scheduler.key"


class KeyUnfit(ValueError):
    """A key cannot sign; the message goes on after its name and does not show it."""


def key_of(text: str) -> bytes:
    """Gives the bytes of a key as settings and files have it, `whsec_` and base64. Errors: KeyUnfit."""
    try:
        key = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnfit(f"is not {PREFIX} and a key in base64.") from None
    if len(key) < FEWEST_BYTES:
        raise KeyUnfit(f"has fewer than {FEWEST_BYTES} bytes.")
    return key


def key_in(data: Path) -> bytes:
    """Gives the key of a data folder, `keys/scheduler.key`, made at the first need. Errors: OSError, KeyUnfit."""
    path = data / "keys" / _FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_once(path, f"{PREFIX}{base64.b64encode(token_bytes(KEY_BYTES)).decode()}\n".encode(), 0o600)
    return key_of(path.read_text(encoding="ascii"))


def signed_headers(key: bytes, id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """Gives the headers by which the receiver knows who sent a body, and when."""
    seconds = str(int(at.timestamp()))
    signature = hmac.digest(key, b".".join((id.encode(), seconds.encode(), body)), "sha256")
    return {
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
