"""The log: one line for each exchange, with no text of it and no secret."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway import Exchange, Refusal, Usage
from gateway.exchange import Attempt
from gateway.testing import a_caller, a_reply, an_exchange, plugin_kit
from plugins.log import Log, line_of
from policies.prices import Cost


def logged(capfd: pytest.CaptureFixture[str], exchange: Exchange, to: Any = "stdout") -> dict[str, Any]:
    capfd.readouterr()
    Log(Log.Settings(to=to)).record(exchange)
    out, err = capfd.readouterr()
    (line,) = (out if to == "stdout" else err).splitlines()
    assert (err if to == "stdout" else out) == ""
    whole: dict[str, Any] = json.loads(line)
    return whole


def an_ended(**members: Any) -> Exchange:
    exchange = an_exchange("a secret question", **members)
    exchange.outcome = "answered"
    return exchange


def test_a_line_says_who_asked_for_what_and_how_it_went(capfd: pytest.CaptureFixture[str]) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    exchange = an_ended(
        caller=a_caller("T3", principal="key:abc"),
        reply=a_reply("an answer", status=201),
        usage=Usage(3, 4),
        headers={"traceparent": parent},
    )
    exchange.arrived = 1_700_000_000_000_000_000
    exchange.attempts.append(Attempt("default", "m", 0, 1, 2, 201, "req_1"))
    line = logged(capfd, exchange)
    assert line.pop("ms") >= 0
    assert line == {
        "at": "2023-11-14T22:13:20Z",
        "audit_id": exchange.id,
        "outcome": "answered",
        "status": 201,
        "method": "POST",
        "endpoint": "chat.completions",
        "caller": "key:abc",
        "tier": "T3",
        "model": "gpt-4o-mini",
        "input_tokens": 3,
        "output_tokens": 4,
        "request_id": "req_1",
        "trace": parent,
    }


def test_what_the_tokens_cost_and_whether_they_are_estimated_is_told_where_it_is_known(
    capfd: pytest.CaptureFixture[str],
) -> None:
    exchange = an_ended(usage=Usage(3, 4, estimated=True))
    exchange.cost = Cost(0.25, "m from 2026-01-01")
    line = logged(capfd, exchange)
    assert (line["estimated"], line["cost"]) == (True, 0.25)


def test_a_refused_exchange_has_the_status_and_code_of_its_refusal(capfd: pytest.CaptureFixture[str]) -> None:
    exchange = an_ended(reply=a_reply("half", status=200))
    exchange.refusal, exchange.caller = Refusal("No.", code="no", status=409), None
    line = logged(capfd, exchange)
    assert (line["status"], line["refusal"], line["caller"]) == (409, "no", None)


def test_the_time_is_that_of_the_whole_exchange_in_milliseconds() -> None:
    exchange = an_exchange()
    assert line_of(exchange, exchange.clock + 12_345_678).ms == 12.346


def test_no_text_and_no_secret_stands_in_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    exchange = an_ended(
        reply=a_reply("an answer"),
        model="sk-model-0123456789",
        headers={"Authorization": "Bearer sk-0123456789", "traceparent": "Bearer sk-0123456789 " + "x" * 500},
    )
    exchange.error = "UpstreamInvalid: said sk-0123456789\nin two lines"
    line = json.dumps(logged(capfd, exchange))
    assert "question" not in line and "answer" not in line.replace("answered", "")
    assert "0123456789" not in line
    assert len(line) < 1000


@pytest.mark.parametrize("to", ["stdout", "stderr"])
def test_lines_go_where_the_settings_say(capfd: pytest.CaptureFixture[str], to: str) -> None:
    assert logged(capfd, an_ended(), to)["outcome"] == "answered"


def test_nowhere_is_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    Log(Log.Settings(to="nowhere")).record(an_ended())
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_written_is_written_by_a_sign(capfd: pytest.CaptureFixture[str]) -> None:
    exchange = an_ended(model="gpt")
    exchange.asked.json["model"] = "\ud800"
    assert logged(capfd, exchange)["model"] == "?"


def test_it_behaves() -> None:
    plugin_kit(Log(Log.Settings(to="nowhere"))).check()


def test_a_reader_who_does_not_read_stops_nobody(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    program = (
        "from pathlib import Path; import sys\n"
        "from gateway.testing import an_exchange, started\n"
        "from plugins.log import Log\n"
        "log, startup = Log(Log.Settings()), started(Path(sys.argv[1]))\n"
        "log.startup(startup)\n"
        "for _ in range(2000): log.record(an_exchange())\n"
        "print(startup.registry.get_sample_value('lukhas_log_lines_dropped_total'), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=True
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        kept = pipe.read().splitlines()
    assert len(kept) + float(done.stderr) == 2000
    assert all(json.loads(line)["endpoint"] == "chat.completions" for line in kept)
