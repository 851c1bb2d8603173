"""The two journal lines of an exchange: what stands in them, and in which units."""

import base64
import hmac
import json
from typing import Any

import pytest

from gateway import Exchange, Nudge, Redact, Refusal, Route, Set, Target, Usage
from gateway.answered_by import answered_by
from gateway.bundle import began_line, ended_line, endpoint_name, trace_id, upstream_ns
from gateway.exchange import Attempt, Reply, Request, Step, ToolUse
from gateway.recorded import recorded
from gateway.testing import a_caller, a_reply, a_streamed_reply, an_exchange
from identity.keyring import Person
from policies.prices import Cost

MS = 1_000_000
PERSON = Person("p-0123456789abcdef0123", bytes(32))
PSEUDONYM = PERSON.pseudonym
ADA = Person(PSEUDONYM, bytes(range(32)))


def began(exchange: Exchange) -> dict[str, Any]:
    line = began_line(exchange, PSEUDONYM if exchange.caller else None)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    whole: dict[str, Any] = json.loads(line)
    return whole


def ended(exchange: Exchange, status: int | None = 200, after_ms: int = 100) -> dict[str, Any]:
    by = answered_by(exchange)
    line = ended_line(
        exchange, ADA if exchange.caller else None, by, status, exchange.clock + after_ms * MS, upstream_ns(exchange)
    )
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
        ("00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", None),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_the_trace_is_the_clients(header: str | None, found: str | None) -> None:
    assert trace_id(an_exchange(headers={"traceparent": header} if header is not None else {})) == found


@pytest.mark.parametrize("reply", [a_reply({"model": 5}), a_reply({"choices": []}), None])
def test_a_reply_that_names_no_model_used_none(reply: Any) -> None:
    assert ended(an_exchange(reply=reply))["model_used"] is None


def hash_of(body: bytes | None) -> str:
    own = hmac.digest(ADA.key, b"lukhas commitment 1\n", "sha256")
    return base64.urlsafe_b64encode(hmac.digest(own, body or b"", "sha256")).decode().rstrip("=")


def test_the_hashes_are_those_of_the_bytes_that_came_and_went() -> None:
    exchange = an_exchange(reply=a_reply("Hello"))
    exchange.outcome = "answered"
    exchange.request = Request(exchange.endpoint, b'{"changed":true}', {"changed": True})
    assert exchange.reply is not None
    record = ended(exchange)
    assert record["prompt_hash"] == hash_of(exchange.asked.body)
    assert record["answer_hash"] == hash_of(exchange.reply.body)


def answered(**members: Any) -> Exchange:
    exchange = an_exchange(reply=a_streamed_reply(b"data: {}\n\ndata: [DONE]\n\n"), **members)
    exchange.outcome = "answered"
    return exchange


def test_of_a_stream_the_hash_is_that_of_its_events() -> None:
    assert ended(answered())["answer_hash"] == hash_of(b"data: {}\n\ndata: [DONE]\n\n")


def test_what_did_not_go_out_as_it_is_kept_has_no_hash() -> None:
    refused, cut, hidden, unread, bodiless = answered(), answered(), answered(), answered(), answered()
    refused.refusal = Refusal("No.")
    cut.reply = a_streamed_reply(b"data: {}\n\n", whole=False)
    hidden.trail.append(Step("watch", "mine", "1", 0, 1, Redact("[5 characters]")))
    unread.reply = Reply(200, (), None, lambda _: None)
    bodiless.reply = Reply(204, (), b"", lambda _: None)
    none = an_exchange()
    for exchange in (refused, cut, hidden, unread, bodiless, none):
        assert "answer_hash" not in ended(exchange)


def test_a_whole_reply_in_which_a_text_was_hidden_is_kept_as_it_went_out() -> None:
    exchange = answered()
    exchange.reply = a_reply("[hidden]")
    exchange.trail.append(Step("watch", "mine", "1", 0, 1, Redact("[8 characters]")))
    assert ended(exchange)["answer_hash"] == hash_of(exchange.reply.body)


def test_the_hashes_of_nobody_are_none_and_of_somebody_else_others() -> None:
    exchange = answered()
    by = answered_by(exchange)
    bob = Person("p-bob", bytes(32))
    lines = [json.loads(ended_line(exchange, person, by, 200, exchange.clock + MS, 0)) for person in (None, ADA, bob)]
    assert "prompt_hash" not in lines[0] and "answer_hash" not in lines[0]
    assert lines[1]["prompt_hash"] != lines[2]["prompt_hash"]


def test_without_a_caller_there_is_no_key_to_hash_with() -> None:
    exchange = answered()
    exchange.caller = None
    assert {"prompt_hash", "answer_hash"}.isdisjoint(ended(exchange))


@pytest.mark.parametrize("body", [None, b""])
def test_a_request_that_was_not_read_has_no_hash(body: bytes | None) -> None:
    exchange = an_exchange()
    exchange.asked = Request(exchange.endpoint, body)
    assert "prompt_hash" not in ended(exchange)


def test_the_cost_stands_beside_the_price_that_was_taken() -> None:
    exchange = an_exchange(usage=Usage(3, 4))
    exchange.cost = Cost(0.0000345, "gpt-4o-mini from 2024-07-18")
    record = ended(exchange)
    assert (record["cost"], record["cost_basis"]) == (0.0000345, "gpt-4o-mini from 2024-07-18")


def test_an_unknown_cost_is_marked_and_where_there_are_no_tokens_there_is_none() -> None:
    unknown, none = ended(an_exchange(usage=Usage(3, 4))), ended(an_exchange())
    assert (unknown["cost"], unknown["cost_basis"]) == (None, "unknown")
    assert (none["cost"], none["cost_basis"]) == (None, None)


def test_only_tokens_that_there_are_are_named() -> None:
    usage = Usage(9, 8, 7, 6, estimated=True, audio_input_tokens=5, audio_output_tokens=4, cached_audio_tokens=3)
    assert ended(an_exchange(usage=usage))["usage"] == {
        "input_tokens": 9,
        "output_tokens": 8,
        "cached_tokens": 7,
        "reasoning_tokens": 6,
        "estimated": True,
        "audio_input_tokens": 5,
        "audio_output_tokens": 4,
        "cached_audio_tokens": 3,
    }
    assert ended(an_exchange(usage=Usage(0, 0)))["usage"] == {"input_tokens": 0, "output_tokens": 0}


ROUTE = Route((Target("default", "a"), Target("default", "b"), Target("spare")), because="cheaper")


@pytest.mark.parametrize(
    ("attempt", "answered"),
    [
        (an_attempt(model="a"), 0),
        (an_attempt(model="b"), 1),
        (an_attempt(upstream="spare", model="a"), 2),
        (an_attempt(upstream="spare", model="a", status=None, first_byte_ns=None), None),
        (None, None),
    ],
    ids=["first", "second", "spare", "broken", "never-sent"],
)
def test_the_route_names_its_targets_and_the_one_that_answered(attempt: Attempt | None, answered: int | None) -> None:
    exchange = an_exchange()
    exchange.route = ROUTE
    exchange.attempts += [attempt] if attempt else []
    route = ended(exchange)["route"]
    assert (route["because"], route.get("answered")) == ("cheaper", answered)
    assert [target["model"] for target in route["targets"]] == ["a", "b", None]


def test_tools_are_those_that_the_upstream_was_offered_and_those_that_ran_or_were_blocked() -> None:
    exchange = an_exchange({"model": "m", "tools": [{"type": "function", "function": {"name": "weather"}}]})
    assert "tools" not in ended(exchange)
    exchange.attempts.append(an_attempt())
    exchange.tools += [ToolUse("weather", "ok", 5, 6), ToolUse("rm", "blocked", 7, 8, "tool_not_allowed")]
    assert ended(exchange)["tools"] == {
        "allowed": ["weather"],
        "used": [{"name": "weather", "status": "ok", "began_ns": 5, "took_ns": 6}],
        "blocked": [{"name": "rm", "status": "blocked", "began_ns": 7, "took_ns": 8, "because": "tool_not_allowed"}],
    }


def test_what_has_nothing_to_say_is_left_out() -> None:
    record = ended(an_exchange())
    absent = {"route", "signals", "changes", "tools", "retrieval", "refusal", "error", "attempts", "trail", "trace_id"}
    assert absent.isdisjoint(record)


def test_what_the_client_set_is_told_as_it_set_it() -> None:
    exchange = an_exchange({"model": "m", "messages": [], "temperature": 0.5, "max_tokens": 10})
    exchange.request = Request(exchange.endpoint, b"{}", {"temperature": 0.1})
    assert ended(exchange)["parameters"] == {"max_tokens": 10, "temperature": 0.5}
    assert "parameters" not in ended(an_exchange())


def test_signals_and_safety_mode_are_told() -> None:
    record = ended(an_exchange(signals={"urgency": 0.5, "stress": 0.25}))
    assert list(record["signals"].items()) == [("stress", 0.25), ("urgency", 0.5)]
    assert record["safety_mode"] == "balanced"


def test_what_was_in_force_and_what_was_computed_only_are_told_apart() -> None:
    exchange = an_exchange({"model": "gpt-4o", "messages": [], "temperature": 0.9})
    exchange.policy = "0123456789abcdef"
    nudge = Nudge(
        (Set(("temperature",), 0.3),),
        "alignment_risk",
        applied=False,
        reasons=("so it is", "strict it is"),
        safety_mode="strict",
        sources=("alignment_risk", "alignment_risk"),
    )
    exchange.trail.append(Step("shape", "modulation", "1", 0, 1, recorded(nudge)))
    record = ended(exchange)
    assert (record["safety_mode"], record["policy"]) == ("balanced", "0123456789abcdef")
    common = {"hook": "shape", "plugin": "modulation", "applied": False, "signal": "alignment_risk"}
    assert record["changes"] == [
        {**common, "parameter": "temperature", "before": 0.9, "after": 0.3, "because": "so it is"},
        {**common, "parameter": "safety_mode", "before": "balanced", "after": "strict", "because": "strict it is"},
    ]


def test_the_model_is_the_one_that_was_asked_for() -> None:
    exchange = an_exchange(model="gpt-4o")
    exchange.request = Request(exchange.endpoint, b'{"model":"gpt-4o-mini"}', {"model": "gpt-4o-mini"})
    assert (began(exchange)["model"], ended(exchange)["model"]) == ("gpt-4o", "gpt-4o")


def test_no_secret_that_comes_from_outside_stands_in_a_line() -> None:
    key, address = "sk-0123456789abcdef", "ada@example.com"
    tools = [{"type": "function", "function": {"name": key}}]
    exchange = an_exchange(
        {"model": key, "messages": [], "tools": tools},
        reply=a_reply({"model": key}),
        headers={"traceparent": f"00-{key:x<32}-b7-01"},
    )
    exchange.attempts.append(an_attempt(model=exchange.request.model_label))
    exchange.error = f"UpstreamInvalid: Bearer {key} of {address}"
    exchange.refusal = Refusal(f"{key} of {address} may not.")
    exchange.route = Route((Target(),), because=f"{address} asked")
    lines = json.dumps([began(exchange), ended(exchange)])
    assert key not in lines and address not in lines
    assert lines.count("[redacted]") >= 8


def test_the_line_of_a_usual_exchange_is_short() -> None:
    exchange = an_exchange(reply=a_reply("Hello"), usage=Usage(120, 150), caller=a_caller())
    exchange.outcome = "answered"
    exchange.cost = Cost(0.000108, "gpt-4o-mini-2024-07-18 from 2024-07-18")
    exchange.attempts.append(an_attempt(request_id=f"req_{32 * 'f'}"))
    exchange.trail += [
        Step("identify", "sign_in", "0.1.0", 41_813, 54_250, recorded(exchange.caller)),
        Step("admit", "tier_check", "0.1.0", 281_500, 14_862),
        Step("account", "usage", "0.1.0", 249_010_000, 9_000, recorded(exchange.usage)),
    ]
    line = ended_line(exchange, ADA, answered_by(exchange), 200, exchange.clock + 249_123_456, upstream_ns(exchange))
    assert len(line) < 1350


def test_an_unknown_path_has_a_bounded_name() -> None:
    assert endpoint_name(an_exchange(b"", path="/v1/unheard/of/123")) == "other"
