"""Which headers cross the gateway: hop-by-hop ones end here, all others pass as they came."""

from gateway.exchange import Headers

_ENDS_HERE = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
    )
)
_REQUEST_ENDS_HERE = _ENDS_HERE | frozenset((b"host", b"expect", b"x-api-key"))
_NONE: frozenset[bytes] = frozenset()
_OURS = b"x-lukhas-"
_DECODABLE = (b"gzip", b"deflate", b"identity")


def forwarded(headers: Headers, host: bytes, authorization: bytes | None, *, readable: bool) -> Headers:
    """Gives the headers of a request as they go to the upstream.

    `host` replaces the client's; `authorization`, where given, replaces the caller's credential. `readable`
    reduces Accept-Encoding to what the gateway can decode.
    """
    out = [(b"Host", host)]
    named = _named_in_connection(headers)
    for pair in headers:
        name = pair[0].lower()
        if name in _REQUEST_ENDS_HERE or name in named or name.startswith(_OURS):
            continue
        if name == b"authorization" and authorization is not None:
            continue
        if name == b"accept-encoding" and readable:
            out.append((pair[0], _reduced(pair[1])))
            continue
        out.append(pair)
    if authorization is not None:
        out.append((b"Authorization", authorization))
    return tuple(out)


def returned(headers: Headers, *added: tuple[bytes, bytes], changed: bool = False) -> Headers:
    """Gives the headers of a reply as they go to the client; a `changed` body loses its encoding and digests."""
    named = _named_in_connection(headers)
    out = []
    for pair in headers:
        name = pair[0].lower()
        if name in _ENDS_HERE or name in named or name.startswith(_OURS):
            continue
        if changed and name in (b"content-encoding", b"content-md5", b"digest", b"content-digest", b"etag"):
            continue
        out.append(pair)
    out += added
    return tuple(out)


def _named_in_connection(headers: Headers) -> frozenset[bytes]:
    for name, value in headers:
        if len(name) == 10 and name.lower() == b"connection":
            lower = value.lower()
            if lower not in (b"keep-alive", b"close"):
                return frozenset(
                    token.strip()
                    for key, each in headers
                    if key.lower() == b"connection"
                    for token in each.lower().split(b",")
                )
    return _NONE


def _reduced(value: bytes) -> bytes:
    kept = [each.strip() for each in value.split(b",") if each.split(b";")[0].strip().lower() in _DECODABLE]
    return b", ".join(kept) or b"identity"
