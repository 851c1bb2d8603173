"""The two journal lines of an exchange: what stands in them, and in which units."""

import json
from typing import Any

import pytest

from gateway import Exchange, Refusal, Usage
from gateway.answered_by import answered_by
from gateway.bundle import began_line, ended_line, endpoint_name, trace_id, upstream_ns
from gateway.exchange import Attempt, Step
from gateway.testing import a_caller, a_reply, an_exchange

MS = 1_000_000
PSEUDONYM = "p-0123456789abcdef0123"


def began(exchange: Exchange) -> dict[str, Any]:
    line = began_line(exchange, PSEUDONYM if exchange.caller else None)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    whole: dict[str, Any] = json.loads(line)
    return whole


def ended(exchange: Exchange, status: int | None = 200, after_ms: int = 100) -> dict[str, Any]:
    by = answered_by(exchange)
    line = ended_line(exchange, PSEUDONYM if exchange.caller else None, by, status, exchange.clock + after_ms * MS)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    whole: dict[str, Any] = json.loads(line)
    return whole


def an_attempt(**members: Any) -> Attempt:
    known: dict[str, Any] = {
        "upstream": "default",
        "model": "gpt-4o",
        "began_ns": 10 * MS,
        "first_byte_ns": 30 * MS,
        "ended_ns": 90 * MS,
    }
    return Attempt(**(known | {"status": 200, "request_id": "req_1"} | members))


def test_the_beginning_says_who_asks_for_what_and_when() -> None:
    exchange = an_exchange(caller=a_caller("T3"))
    exchange.arrived = 1_700_000_000_000_000_000
    assert began(exchange) == {
        "event": "began",
        "audit_id": exchange.id,
        "at": "2023-11-14T22:13:20Z",
        "caller": PSEUDONYM,
        "tier": "T3",
        "endpoint": "chat.completions",
        "method": "POST",
        "model": "gpt-4o-mini",
    }


def test_an_exchange_of_nobody_has_no_caller() -> None:
    exchange = an_exchange()
    exchange.caller = None
    assert (began(exchange)["caller"], ended(exchange)["caller"]) == (None, None)


def test_the_end_says_what_came_of_it() -> None:
    exchange = an_exchange(stream=True, reply=a_reply({"model": "gpt-4o-2024"}), usage=Usage(3, 4))
    exchange.outcome = "answered"
    exchange.attempts.append(an_attempt())
    record = ended(exchange, 200, after_ms=100)
    assert (record["event"], record["audit_id"], record["outcome"], record["status"]) == (
        "ended",
        exchange.id,
        "answered",
        200,
    )
    assert (record["model"], record["model_used"], record["streamed"]) == ("gpt-4o-mini", "gpt-4o-2024", True)
    assert record["usage"] == {"input_tokens": 3, "output_tokens": 4}
    assert record["upstream_request_id"] == "req_1"


def test_durations_are_milliseconds_and_the_upstreams_share_is_not_ours() -> None:
    exchange = an_exchange()
    exchange.attempts += [an_attempt(ended_ns=20 * MS, first_byte_ns=None), an_attempt(began_ns=25 * MS)]
    record = ended(exchange, after_ms=100)
    assert (record["total_ms"], record["first_byte_ms"], record["overhead_ms"]) == (100, 30, 25)
    assert upstream_ns(exchange) == 75 * MS


def test_an_exchange_that_was_never_sent_has_no_first_byte() -> None:
    record = ended(an_exchange(), 403)
    assert (record["first_byte_ms"], record["overhead_ms"]) == (None, 100)
    assert record.get("attempts", []) == []


def test_attempts_and_steps_stand_in_their_order_with_their_faults() -> None:
    exchange = an_exchange()
    exchange.attempts += [an_attempt(status=None, error="ConnectError", request_id=None), an_attempt()]
    exchange.trail += [
        Step("judge", "mine", "1.0", 1000, 20, Refusal("No.", code="no"), None),
        Step("watch", "other", "2.0", 2000, 30, None, "raised: ValueError"),
    ]
    record = ended(exchange)
    assert [(each.get("status"), each.get("error")) for each in record["attempts"]] == [
        (None, "ConnectError"),
        (200, None),
    ]
    first, second = record["trail"]
    assert (first["hook"], first["plugin"], first["version"], first["began_ns"], first["took_ns"]) == (
        "judge",
        "mine",
        "1.0",
        1000,
        20,
    )
    assert (first["answer"]["answer"], first["answer"]["code"]) == ("refusal", "no")
    assert second["fault"] == "raised: ValueError"


def test_what_an_exchange_broke_on_stands_in_its_record() -> None:
    exchange = an_exchange()
    exchange.error, exchange.refusal, exchange.outcome = "ConnectError: no", Refusal("No.", code="no"), "upstream_error"
    record = ended(exchange, 502)
    assert (record["error"], record["refusal"]["code"], record["outcome"]) == (
        "ConnectError: no",
        "no",
        "upstream_error",
    )


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", None),
        ("00-short-b7ad6b7169203331-01", None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_the_trace_is_the_clients(header: str | None, found: str | None) -> None:
    assert trace_id(an_exchange(headers={"traceparent": header} if header is not None else {})) == found


@pytest.mark.parametrize("reply", [a_reply({"model": 5}), a_reply({"choices": []}), None])
def test_a_reply_that_names_no_model_used_none(reply: Any) -> None:
    assert ended(an_exchange(reply=reply))["model_used"] is None


def test_an_unknown_path_has_a_bounded_name() -> None:
    assert endpoint_name(an_exchange(b"", path="/v1/unheard/of/123")) == "other"
