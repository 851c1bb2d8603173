"""Every error of the transport has an answer of its own."""

import pytest

from gateway import transport
from gateway.transport import ConnectError, ConnectTimeout, PoolExhausted, RequestBroken, TransportError
from gateway.trouble import refusal_of

KINDS = sorted(
    (kind for kind in vars(transport).values() if isinstance(kind, type) and issubclass(kind, TransportError)),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_trouble_has_a_status_and_a_code_of_its_own(kind: type[TransportError]) -> None:
    refusal = refusal_of(kind("10.0.0.7:443 said no"))
    others = {refusal_of(other("")).code for other in KINDS if other is not kind}
    assert refusal.code not in others
    assert "10.0.0.7" not in refusal.message


def test_the_more_special_error_wins() -> None:
    codes = [refusal_of(kind("")).code for kind in (ConnectError, ConnectTimeout, PoolExhausted)]
    assert codes == ["upstream_unreachable", "upstream_connect_timeout", "upstream_busy"]


def test_a_request_that_broke_is_not_blamed_on_the_upstream() -> None:
    refusal = refusal_of(RequestBroken("3 bytes too few"))
    assert (refusal.status, refusal.type) == (400, None)


def test_busy_says_when_to_come_back() -> None:
    assert refusal_of(PoolExhausted("")).retry_after == 1
    assert refusal_of(ConnectError("")).retry_after is None
