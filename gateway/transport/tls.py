"""TLS towards the upstream: always verified, HTTP/1.1 only."""

import ssl
from pathlib import Path


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the system's authorities, or those in `ca_file` (PEM) in their place; OSError if it cannot be read."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
