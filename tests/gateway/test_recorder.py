"""The record: journal first, then the figures, then whoever wants to know."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from gateway import Caller, Exchange, Refusal, Usage, hookimpl
from gateway.bodies import Bodies
from gateway.exchange import Attempt, Step, ToolUse
from gateway.flags import Flags, in_force
from gateway.hookspecs import Hooks
from gateway.metrics import Metrics
from gateway.pushed import Pushed
from gateway.recorded import recorded
from gateway.recorder import UNRECORDABLE, Recorder
from gateway.testing import a_caller, a_reply, an_exchange
from gateway.tightening import Tightening, new_tightening_id
from identity.accepted_keys import AcceptedKeys
from identity.keyring import Keyring
from policies.tightening import TighteningRule
from storage.journal import Journal
from storage.verify import verify
from tests.builders.gateway import exchange_lines
from tests.builders.pipelines import POLICIES, a_chain


class Recording:
    """A recorder with what it writes to."""

    def __init__(
        self,
        folder: Path,
        *plugins: object,
        carry_on: bool = False,
        bodies: bool = False,
        rules: tuple[TighteningRule, ...] = (),
        flags: Flags | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.journal = Journal(folder / "journal", "worker-0")
        self.journal.open()
        self.accepted = AcceptedKeys(folder / "accepted")
        record = a_chain(*plugins).of(Hooks.record)
        self.keyring = Keyring(folder)
        self.keyring.open()
        self.bodies = Bodies(Journal(folder / "journal", "worker-0-bodies"), "all", 1 << 16) if bodies else None
        if self.bodies is not None:
            self.bodies.journal.open()
        self.pushed = Pushed(folder / "pushed.json", self.keyring.pseudonym_of)
        self.recorder = Recorder(
            self.journal,
            self.metrics,
            record,
            carry_on=carry_on,
            accepted=self.accepted,
            keyring=self.keyring,
            policies=POLICIES,
            bodies=self.bodies,
            tightening=Tightening(lambda: rules, self.pushed, new_tightening_id),
            flags=flags,
        )

    def kept(self) -> list[str]:
        """The exchanges whose bodies are kept."""
        assert self.bodies is not None
        return [line["audit_id"] for line in exchange_lines(self.bodies.journal.path.read_bytes())]

    def lines(self) -> list[dict[str, Any]]:
        return exchange_lines(self.journal.path.read_bytes())

    def events(self) -> list[str]:
        return [line["event"] for line in exchange_lines(self.journal.path.read_bytes())]


BLOCKED = ToolUse("rm", "blocked", 5, 1, "tool_not_offered")


def after_tools(*tools: ToolUse) -> Exchange:
    """An exchange that was sent, with these calls of tools."""
    exchange = an_exchange()
    exchange.attempts.append(Attempt("default", "m", 0, 1, 2, 200))
    exchange.tools += tools
    return exchange


def test_each_blocked_call_is_an_incident_behind_the_record(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    exchange = after_tools(BLOCKED, ToolUse("lookup", "ok", 5, 1), BLOCKED)
    recording.recorder.ended(exchange, 200, began=True)
    assert recording.events() == ["ended", "incident", "incident"]
    ended, incident, _ = recording.lines()
    assert (incident["audit_id"], incident["caller"]) == (exchange.id, ended["caller"])
    assert incident["prompt_hash"] == ended["prompt_hash"]
    sample = recording.registry.get_sample_value
    assert sample("lukhas_tools_blocked_total", {"tool": "other", "reason": "tool_not_offered"}) == 2


def test_blocked_calls_withhold_a_tool_before_the_reply_has_gone_out(tmp_path: Path) -> None:
    recording = Recording(tmp_path, rules=(TighteningRule("twice", 2, 60, 60),))
    exchange = after_tools(BLOCKED, BLOCKED)
    recording.recorder.ended(exchange, 200, began=True)
    assert exchange.caller is not None
    (withheld,) = recording.pushed.standing(exchange.caller.principal).withheld
    *_, line = recording.lines()
    assert (line["event"], line["id"], line["tool"], line["rule"]) == ("tightening", withheld.id, "rm", "twice")
    assert line["audit_id"] == exchange.id
    assert recording.registry.get_sample_value("lukhas_auto_tighten_total") == 1


def test_without_analytics_incidents_stay_and_other_calls_are_not_recorded(tmp_path: Path) -> None:
    flags = Flags(in_force({"TOOL_ANALYTICS": False}, {}, {}, loopback=True))
    recording = Recording(tmp_path, flags=flags)
    exchange = after_tools(ToolUse("lookup", "ok", 5, 1), ToolUse("lookup", "timeout", 5, 1), BLOCKED)
    recording.recorder.ended(exchange, 200, began=True)
    ended, incident = recording.lines()
    assert ended["tools"] == {"blocked": [{**msgspec.to_builtins(BLOCKED)}]}
    assert incident["tool"] == "rm"


def test_the_beginning_is_written_before_it_is_told(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    assert recording.recorder.began(an_exchange()) is None
    assert recording.events() == ["began"]


@pytest.mark.parametrize(
    ("asked", "replied", "usd"),
    [("gpt-4o", "gpt-4o-mini-2024-07-18", 0.45), ("gpt-4o-mini", None, 0.45), ("gpt-4o-mini", "gpt-99", None)],
)
def test_the_cost_is_that_of_the_model_that_answered_and_never_guessed(
    tmp_path: Path, asked: str, replied: str | None, usd: float | None
) -> None:
    recording = Recording(tmp_path)
    exchange = an_exchange(model=asked, reply=a_reply({"model": replied}), usage=Usage(1_000_000, 500_000))
    recording.recorder.ended(exchange, 200, began=True)
    assert (exchange.cost.usd if exchange.cost else None) == usd
    (line,) = exchange_lines(recording.journal.path.read_bytes())
    assert line["cost"] == usd
    assert (line["cost_basis"] == "unknown") == (usd is None)


@pytest.mark.parametrize("began", [True, False])
def test_every_exchange_has_two_lines_whether_or_not_it_was_sent(tmp_path: Path, began: bool) -> None:
    recording, exchange = Recording(tmp_path), an_exchange()
    if began:
        recording.recorder.began(exchange)
    assert recording.recorder.ended(exchange, 200, began=began) is None
    assert recording.events() == ["began", "ended"]


def test_the_journal_has_the_record_before_a_plugin_is_told(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Looks:
        @hookimpl
        def record(self, exchange: Exchange) -> None:
            seen.append(recording.events())

    recording = Recording(tmp_path, Looks())
    recording.recorder.ended(an_exchange(), 200, began=False)
    assert seen == [["began", "ended"]]


def test_an_exchange_that_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.journal.close()
    assert recording.recorder.began(an_exchange()) is UNRECORDABLE
    assert recording.recorder.ended(an_exchange(), 200, began=True) is UNRECORDABLE
    assert recording.registry.get_sample_value("lukhas_journal_failures_total") == 2


def test_where_the_operator_carries_on_it_is_counted_alone(tmp_path: Path) -> None:
    recording = Recording(tmp_path, carry_on=True)
    recording.journal.close()
    assert recording.recorder.began(an_exchange()) is None
    assert recording.recorder.ended(an_exchange(), 200, began=True) is None
    assert recording.registry.get_sample_value("lukhas_journal_failures_total") == 2


def test_what_could_not_be_journalled_is_still_counted_and_told(tmp_path: Path) -> None:
    told: list[str] = []

    class Listens:
        @hookimpl
        def record(self, exchange: Exchange) -> None:
            told.append(exchange.id)

    recording, exchange = Recording(tmp_path, Listens()), an_exchange()
    recording.journal.close()
    recording.recorder.ended(exchange, 503, began=False)
    recording.metrics.flush()
    labels = {"endpoint": "chat.completions", "outcome": "failed", "status": "503"}
    assert recording.registry.get_sample_value("lukhas_exchanges_total", labels) == 1
    assert told == [exchange.id]


def test_both_lines_name_the_caller_by_pseudonym_alone(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    caller = a_caller(principal="key:0123456789abcdef0123", owner="Ada Lovelace")
    exchange = an_exchange(caller=caller)
    exchange.trail.append(Step("identify", "sign_in", "1", 1, 1, recorded(caller)))
    exchange.refusal = Refusal("key:0123456789abcdef0123 has no budget left.")
    exchange.error = "RuntimeError: key:0123456789abcdef0123"
    recording.recorder.began(exchange)
    recording.recorder.ended(exchange, 403, began=True)
    pseudonym = recording.keyring.pseudonym_of(caller.principal)
    began, ended = recording.lines()
    assert began["caller"] == ended["caller"] == pseudonym
    assert ended["refusal"]["message"] == f"{pseudonym} has no budget left."
    assert ended["error"] == f"RuntimeError: {pseudonym}"
    assert ended["trail"][0]["answer"]["tier"] == caller.tier
    written = recording.journal.path.read_bytes()
    assert b"key:0123456789abcdef0123" not in written
    assert b"Ada Lovelace" not in written


def test_a_short_principal_is_not_taken_out_of_words(tmp_path: Path) -> None:
    recording, exchange = Recording(tmp_path), an_exchange(caller=a_caller(principal="admin"))
    exchange.error = "the administration is closed"
    recording.recorder.ended(exchange, 200, began=False)
    assert recording.lines()[1]["error"] == "the administration is closed"


def test_whoever_is_erased_meanwhile_ends_under_the_pseudonym_that_they_began_with(tmp_path: Path) -> None:
    recording, exchange = Recording(tmp_path), an_exchange()
    recording.recorder.began(exchange)
    assert exchange.caller is not None
    recording.keyring.erase(exchange.caller.principal)
    recording.recorder.ended(exchange, 200, began=True)
    recording.recorder.ended(an_exchange(), 200, began=False)
    began, ended, *later = (line["caller"] for line in recording.lines())
    assert began == ended
    assert began not in later


def test_an_exchange_whose_caller_cannot_be_looked_up_is_refused_and_recorded_under_nobodys_name(
    tmp_path: Path,
) -> None:
    recording = Recording(tmp_path)
    exchange = an_exchange(caller=a_caller(principal="key:0123456789abcdef0123"))
    exchange.refusal = Refusal("key:0123456789abcdef0123 has no budget left.")
    recording.keyring.close()
    assert recording.recorder.began(exchange) is UNRECORDABLE
    assert recording.recorder.ended(exchange, 503, began=False) is UNRECORDABLE
    began, ended = recording.lines()
    assert (began["event"], ended["event"]) == ("began", "ended")
    assert began["caller"] is ended["caller"] is None
    assert ended["error"] == "its caller could not be looked up"
    assert ended["refusal"]["message"] == "unknown has no budget left."
    assert recording.registry.get_sample_value("lukhas_journal_failures_total") == 1


def test_where_the_operator_carries_on_it_goes_on_without_a_name_and_verifies_afterwards(tmp_path: Path) -> None:
    recording, exchange = Recording(tmp_path, carry_on=True, bodies=True), an_exchange(reply=a_reply())
    recording.recorder.ended(an_exchange(caller=a_caller(principal="key:bob")), 200, began=False)
    recording.keyring.close()
    assert recording.recorder.began(exchange) is None
    recording.keyring.open()
    assert recording.recorder.ended(exchange, 200, began=True) is None
    assert recording.events() == ["began", "ended"] * 2
    assert recording.lines()[-1]["error"] == "its caller could not be looked up"
    assert exchange.id not in recording.kept()
    recording.journal.close()
    assert verify(tmp_path).faults == ()


def test_bodies_are_kept_once_and_under_the_pseudonym_of_the_record(tmp_path: Path) -> None:
    recording, exchange = Recording(tmp_path, bodies=True), an_exchange(reply=a_reply())
    assert recording.recorder.began(exchange) is None
    assert recording.kept() == []
    assert recording.recorder.ended(exchange, 200, began=True) is None
    assert recording.kept() == [exchange.id]
    assert recording.bodies is not None
    (body,) = exchange_lines(recording.bodies.journal.path.read_bytes())
    assert body["caller"] == recording.lines()[-1]["caller"]


def test_of_nobody_no_bodies_are_kept(tmp_path: Path) -> None:
    recording, exchange = Recording(tmp_path, bodies=True), an_exchange(reply=a_reply())
    exchange.caller = None
    recording.recorder.ended(exchange, 401, began=False)
    assert recording.kept() == [] and recording.events() == ["began", "ended"]


@pytest.mark.parametrize(("carry_on", "refusal"), [(False, UNRECORDABLE), (True, None)])
def test_bodies_that_cannot_be_kept_are_treated_like_a_record_that_cannot_be(
    tmp_path: Path, carry_on: bool, refusal: Refusal | None
) -> None:
    recording = Recording(tmp_path, bodies=True, carry_on=carry_on)
    assert recording.bodies is not None
    recording.bodies.journal.close()
    assert recording.recorder.ended(an_exchange(reply=a_reply()), 200, began=False) is refusal
    assert recording.registry.get_sample_value("lukhas_journal_failures_total") == 1
    assert recording.lines()[-1]["error"] == "its bodies could not be kept"


async def test_long_bodies_are_made_ready_ahead_of_the_record_and_for_somebody_alone(tmp_path: Path) -> None:
    recording, text = Recording(tmp_path, bodies=True), "word " * 6000
    exchange, nobodys = an_exchange(text, reply=a_reply()), an_exchange(text, reply=a_reply())
    nobodys.caller = None
    short = an_exchange(reply=a_reply())
    assert [recording.recorder.takes_long(each) for each in (exchange, nobodys, short)] == [True, False, False]
    await recording.recorder.make_ready(exchange)
    assert recording.kept() == []
    recording.recorder.ended(exchange, 200, began=False)
    assert recording.kept() == [exchange.id]


async def test_a_plugin_that_takes_its_time_is_waited_for_at_the_end(tmp_path: Path) -> None:
    written: list[str] = []

    class Writes:
        @hookimpl
        async def record(self, exchange: Exchange) -> None:
            await asyncio.sleep(0.01)
            written.append(exchange.id)

    class Breaks:
        @hookimpl
        async def record(self, exchange: Exchange) -> None:
            await asyncio.sleep(0)
            raise RuntimeError

    recording, exchange = Recording(tmp_path, Breaks(), Writes()), an_exchange()
    recording.recorder.ended(exchange, 200, began=False)
    assert written == []
    await recording.recorder.close()
    assert written == [exchange.id]


@pytest.mark.parametrize(
    ("kind", "status", "path", "known"),
    [
        ("passthrough", 200, "/v1/chat/completions", True),
        ("passthrough", 401, "/v1/chat/completions", False),
        ("passthrough", 500, "/v1/chat/completions", False),
        ("passthrough", 200, "/v1/unheard/of", False),
        ("gateway_key", 200, "/v1/chat/completions", False),
    ],
)
def test_a_key_that_was_passed_through_counts_once_the_upstream_has_accepted_it(
    tmp_path: Path, kind: str, status: int, path: str, known: bool
) -> None:
    recording = Recording(tmp_path)
    caller = a_caller("T1", principal="upstream:1", kind=kind, upstream_key="caller")
    recording.recorder.ended(
        an_exchange(path=path, caller=caller, reply=a_reply({}, status=status)), status, began=True
    )
    assert recording.accepted.knows("upstream:1") is known


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_key_that_was_passed_through_and_refused_leaves_no_person_behind(tmp_path: Path, status: int) -> None:
    recording = Recording(tmp_path, bodies=True)
    exchange = an_exchange(caller=a_stranger(), reply=a_reply({}, status=status))
    recording.recorder.began(exchange)
    assert recording.recorder.ended(exchange, status, began=True) is None
    assert [(line["caller"], line.get("error")) for line in recording.lines()] == [(None, None)] * 2
    assert recording.lines()[-1]["tier"] == "T1"
    assert recording.keyring.people_after(0) == [] and recording.kept() == []


def test_a_key_that_was_passed_through_names_a_person_from_its_first_answer_on(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    for status in (200, 429):
        exchange = an_exchange(caller=a_stranger(), reply=a_reply({}, status=status))
        recording.recorder.began(exchange)
        recording.recorder.ended(exchange, status, began=True)
    pseudonym = recording.keyring.pseudonym_of("upstream:0123456789abcdef0123")
    assert pseudonym is not None
    assert [line["caller"] for line in recording.lines()] == [None, pseudonym, pseudonym, pseudonym]


def test_a_key_that_opened_a_websocket_names_a_person(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    exchange = an_exchange(caller=a_stranger(), reply=a_reply({}, status=101))
    recording.recorder.ended(exchange, 101, began=False)
    assert [line["caller"] is None for line in recording.lines()] == [False, False]


def test_whoever_another_worker_saw_accepted_is_named_from_the_beginning(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    AcceptedKeys(tmp_path / "accepted").answered("upstream:0123456789abcdef0123", 200)
    recording.recorder.began(an_exchange(caller=a_stranger()))
    (line,) = recording.lines()
    assert line["caller"] == recording.keyring.pseudonym_of("upstream:0123456789abcdef0123") is not None


def a_stranger() -> Caller:
    """A caller whose key is passed through."""
    return a_caller("T1", principal="upstream:0123456789abcdef0123", kind="passthrough", upstream_key="caller")
