"""Says what went wrong with the upstream, as the error that the client reads."""

from gateway.answers import Refusal
from gateway.transport import (
    ChunkTimeout,
    ConnectError,
    ConnectTimeout,
    FirstByteTimeout,
    PoolExhausted,
    ReplyTooLarge,
    RequestBroken,
    TotalTimeout,
    TransportError,
    UpstreamBroken,
    UpstreamInvalid,
)

_TROUBLES: tuple[tuple[type[TransportError], int, str, str], ...] = (
    (PoolExhausted, 503, "upstream_busy", "All connections to the upstream are in use."),
    (ConnectTimeout, 504, "upstream_connect_timeout", "The upstream could not be reached in time."),
    (ConnectError, 502, "upstream_unreachable", "The upstream could not be reached."),
    (FirstByteTimeout, 504, "upstream_timeout", "The upstream did not begin to answer in time."),
    (ChunkTimeout, 504, "upstream_silent", "The upstream fell silent in the middle of its answer."),
    (TotalTimeout, 504, "upstream_total_timeout", "The upstream took longer than this gateway allows."),
    (UpstreamBroken, 502, "upstream_broken", "The upstream closed the connection before its answer was whole."),
    (UpstreamInvalid, 502, "upstream_invalid", "The upstream's answer is not valid HTTP."),
    (ReplyTooLarge, 502, "upstream_reply_too_large", "The upstream's answer is larger than this gateway reads."),
)


KEY_REFUSED = Refusal(
    "The upstream refused the key that this gateway pays with; the operator must set a good one.",
    code="upstream_key_refused",
    status=502,
    type="upstream_error",
)


def refusal_of(error: TransportError) -> Refusal:
    """Gives the error for what happened on the way to the upstream; its details stay in the record."""
    if isinstance(error, RequestBroken):
        return Refusal("The request's body was not as long as it said.", code="request_broken", status=400)
    for kind, status, code, message in _TROUBLES:
        if isinstance(error, kind):
            return Refusal(
                message, code=code, status=status, type="upstream_error", retry_after=1 if status == 503 else None
            )
    return Refusal("The upstream failed.", code="upstream_failed", status=502, type="upstream_error")
