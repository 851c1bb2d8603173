"""A request is changed as the policy says, in the fields of its endpoint, and a calm one not at all."""

import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as some

from gateway import Exchange, Flags, Nudge, Set, Signals, Standing, Withheld, hookimpl
from gateway.exchange import Step
from gateway.flags import in_force
from gateway.pushed import NOTHING_SAID
from gateway.settings import Policies, Settings
from gateway.splice import spliced
from gateway.testing import a_caller, an_exchange, plugin_kit, started
from plugins.modulation import Modulation
from plugins.modulation.modes import Mode
from plugins.modulation.plugin import MOST_REMEMBERED
from policies.document import DocumentError
from policies.modulation import StyleDelta
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import FakeReply, FakeTransport
from tests.builders.pipelines import Passages

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
RISKY = {"alignment_risk": 0.6}
HURRIED = {"urgency": 0.8}


def modulation(mode: Mode | None = "enforce", settings: Settings | None = None, seconds: int = 10) -> Modulation:
    """Gives a plugin that has started, on whose clock each look is `seconds` after the one before."""
    looks = count(0, seconds * 1_000_000_000)
    plugin = Modulation(Modulation.Settings(mode), lambda _: next(looks))
    plugin.startup(started(Path(), settings))
    return plugin


def outgoing(
    body: dict[str, Any], signals: dict[str, float], path: str = CHAT, plugin: Modulation | None = None
) -> dict[str, Any]:
    """Gives the members of a request that went out other than they came, None for one that was taken away."""
    exchange = an_exchange({"model": "gpt-4o-mini", **body}, path=path, signals=signals)
    nudge = (plugin or modulation()).shape(exchange)
    before: dict[str, Any] = exchange.request.json
    after = json.loads(spliced(exchange.request.body or b"", nudge.changes)) if nudge is not None else before
    return {name: after.get(name) for name in {*before, *after} if after.get(name) != before.get(name)}


def messages(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "Hi"} for role in roles]}


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, RESPONSES])
@pytest.mark.parametrize("signals", [{}, {"trust": 0.15, "stress": 0.1}, {"shouting": 1.0}])
def test_without_an_active_signal_nothing_is_changed(path: str, signals: dict[str, float]) -> None:
    assert modulation().shape(an_exchange("Hello", path=path, signals=signals)) is None


def test_in_a_chat_parameters_and_limit_are_written_and_the_mode_speaks_before_the_last_user_turn() -> None:
    changed = outgoing(messages("system", "user", "assistant", "user", "assistant"), RISKY | HURRIED)
    assert {name: value for name, value in changed.items() if name != "messages"} == {
        "temperature": pytest.approx(0.49),
        "top_p": pytest.approx(0.52),
        "max_completion_tokens": 700,
    }
    assert [message["role"] for message in changed["messages"]] == [
        "system",
        "user",
        "assistant",
        "developer",
        "user",
        "assistant",
    ]
    assert changed["messages"][3]["content"].startswith("Answer with care.")


def test_a_model_that_wants_system_messages_gets_one() -> None:
    changed = outgoing({"model": "gpt-3.5-turbo", **messages("user")}, RISKY | HURRIED)
    assert (changed["messages"][0]["role"], changed["max_tokens"]) == ("system", 700)


@pytest.mark.parametrize(
    ("own", "written"),
    [
        ({"max_tokens": 5000}, {"max_tokens": 700}),
        ({"max_completion_tokens": 5000}, {"max_completion_tokens": 700}),
        ({"max_tokens": 100}, {}),
        ({"max_tokens": 100, "max_completion_tokens": 5000}, {"max_completion_tokens": 700}),
        ({"max_tokens": "5000"}, {"max_tokens": 700}),
        ({"max_tokens": None}, {"max_completion_tokens": 700}),
        ({"temperature": 0.1}, {"max_completion_tokens": 700}),
    ],
)
def test_the_limit_goes_into_the_field_that_the_client_used(own: dict[str, Any], written: dict[str, Any]) -> None:
    assert outgoing({**messages("user"), **own}, HURRIED) == written


def test_a_reasoning_model_is_sent_its_words_in_a_chat() -> None:
    assert outgoing({"model": "gpt-5", **messages("user")}, HURRIED) == {"verbosity": "low"}
    assert outgoing({"model": "gpt-5", "verbosity": "high", "reasoning_effort": "high"}, HURRIED) == {}


def test_a_reasoning_model_is_sent_its_words_in_a_response() -> None:
    asked: dict[str, Any] = {"model": "gpt-5", "input": "Hi"}
    assert outgoing(asked, HURRIED, RESPONSES) == {"text": {"verbosity": "low"}}
    assert outgoing(asked, RISKY, RESPONSES)["reasoning"] == {"effort": "high"}
    own = {"reasoning": {"summary": "auto"}, "text": {"format": {"type": "text"}}}
    assert outgoing(asked | own, HURRIED, RESPONSES) == {"text": {"format": {"type": "text"}, "verbosity": "low"}}
    assert outgoing(asked | own, RISKY, RESPONSES)["reasoning"] == {"summary": "auto", "effort": "high"}
    assert outgoing(asked | {"reasoning": "much", "text": 5}, HURRIED, RESPONSES) == {}
    assert outgoing(asked | {"reasoning": None}, RISKY, RESPONSES)["reasoning"] == {"effort": "high"}


def test_a_response_with_text_is_instructed_and_one_with_items_gets_an_item() -> None:
    changed = outgoing({"input": "Hi", "instructions": "Be kind."}, RISKY, RESPONSES)
    assert changed["instructions"].startswith("Be kind.\n\nAnswer with care.")
    asked = {"input": [{"role": "user", "content": "Hi"}], "max_output_tokens": 4000}
    changed = outgoing(asked, RISKY | HURRIED, RESPONSES)
    assert [item["role"] for item in changed["input"]] == ["developer", "user"]
    assert changed["max_output_tokens"] == 700


def test_what_a_stored_prompt_says_is_not_written_over() -> None:
    stored = {"prompt": {"id": "pmpt_1"}, "input": "Hi"}
    assert outgoing(stored, RISKY | HURRIED, RESPONSES) == {}
    assert outgoing(stored | {"top_p": 1.0}, RISKY, RESPONSES) == {"top_p": pytest.approx(0.52)}


def test_a_completion_has_no_turns_and_a_limit_of_its_own() -> None:
    asked: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "Hi"}
    sampling = {"temperature": pytest.approx(0.49), "top_p": pytest.approx(0.52)}
    assert outgoing(asked, RISKY | HURRIED, COMPLETIONS) == sampling
    own = {"max_tokens": 5000, "n": 3, "best_of": 4}
    assert outgoing(asked | own, RISKY | HURRIED, COMPLETIONS) == sampling | {"max_tokens": 700, "n": 1, "best_of": 1}


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v1/embeddings", "POST"), ("/v1/chat/completions", "GET"), ("/v1/responses/r_1", "GET"), ("/v1/new", "POST")],
)
def test_other_endpoints_are_left_alone(path: str, method: str) -> None:
    asked = {"model": "gpt-4o", "input": "Hi", **messages("user")}
    assert modulation().shape(an_exchange(asked, path=path, method=method, signals=RISKY)) is None


def test_a_model_that_the_policy_does_not_know_is_left_alone() -> None:
    assert outgoing({"model": "llama-4", **messages("user")}, RISKY) == {}


def test_every_change_says_why() -> None:
    nudge = modulation().shape(an_exchange("Hello", signals={"stress": 0.5}))
    assert isinstance(nudge, Nudge)
    assert [change.path for change in nudge.changes] == [("temperature",), ("top_p",), ("max_completion_tokens",)]
    assert nudge.reasons == (
        "stress at 0.5 leads to 0.4, 0.9 of the way from 0.6",
        "stress at 0.5 leads to 0.65, 0.9 of the way from 0.9",
        "stress at 0.5 leads to 1100, 0.9 of the way from 900",
    )
    assert (nudge.sources, nudge.because) == (("stress",) * 3, "stress")


def test_what_the_exchange_goes_on_under_has_its_reasons_after_those_of_the_changes() -> None:
    nudge = modulation().shape(an_exchange("Hello", model="llama-4", signals={"alignment_risk": 0.6, "urgency": 0.8}))
    assert nudge == Nudge(
        (),
        "alignment_risk, urgency",
        reasons=(
            "alignment_risk at 0.6 leads to strict",
            "urgency at 0.8 leads to retrieval; alignment_risk would have loosened it",
        ),
        safety_mode="strict",
        allowed_tools=("retrieval",),
        sources=("alignment_risk", "urgency"),
        limits={"planner_beam": 1},
    )


@pytest.mark.parametrize(
    ("of_gateway", "of_plugin", "of_key", "mode"),
    [
        ("shadow", None, None, "shadow"),
        ("enforce", None, None, "enforce"),
        ("shadow", "enforce", None, "enforce"),
        ("enforce", "enforce", "shadow", "shadow"),
        ("off", "shadow", "enforce", "enforce"),
        ("enforce", None, "off", None),
        ("off", None, None, None),
    ],
)
def test_a_keys_mode_goes_before_the_plugins_and_that_before_the_gateways(
    of_gateway: Mode, of_plugin: Mode | None, of_key: Mode | None, mode: Mode | None
) -> None:
    plugin = modulation(of_plugin, Settings(mode=of_gateway))
    exchange = an_exchange("Hello", signals=RISKY, caller=a_caller(mode=of_key))
    found = plugin.modulated(exchange)
    assert (None if found is None else found.mode) == mode
    nudge = plugin.shape(exchange)
    assert (None if nudge is None else nudge.applied) == {None: None, "shadow": False, "enforce": True}[mode]


def test_in_shadow_the_decision_is_the_one_that_would_be_enforced() -> None:
    exchange = an_exchange("Hello", signals=RISKY)
    shadow, enforced = (modulation(mode).modulated(exchange) for mode in ("shadow", "enforce"))
    assert shadow is not None and enforced is not None
    assert (shadow.decision, shadow.nudge) == (enforced.decision, enforced.nudge)
    assert shadow.decision.safety_mode == "strict"


def test_asking_again_about_an_exchange_changes_nothing() -> None:
    plugin = modulation(seconds=0)
    plugin.shape(an_exchange("Hello", signals={"stress": 0.9}))
    exchange = an_exchange("Hello", signals={"stress": 0.3})
    assert plugin.shape(exchange) == plugin.shape(exchange)


def test_a_fall_waits_for_the_same_caller_alone() -> None:
    plugin = modulation(seconds=0)
    plugin.shape(an_exchange("Hello", signals={"stress": 0.9}))
    assert plugin.shape(an_exchange("Hello")) is not None
    assert plugin.shape(an_exchange("Hello", caller=a_caller(principal="key:other"))) is None


def test_the_plugin_that_found_a_level_is_named() -> None:
    exchange = an_exchange("Hello", signals={"stress": 0.9, "urgency": 0.5})
    exchange.trail.append(Step("observe", "errors", "1", 0, 0, Signals({"stress": 0.9, "odd": 1.0})))
    exchange.trail.append(Step("observe", "words", "1", 0, 0, Signals({"stress": float("nan")})))
    found = modulation().modulated(exchange)
    assert found is not None
    assert found.regulated.sources == {"stress": ("errors",), "urgency": ("assumed",)}


def test_levels_that_were_found_later_in_an_exchange_act_too() -> None:
    plugin = modulation()
    exchange = an_exchange("Hello")
    assert plugin.shape(exchange) is None
    exchange.signals = RISKY
    assert plugin.shape(exchange) is not None


def test_three_stressed_exchanges_keep_the_next_one_short_and_careful() -> None:
    plugin = modulation()
    for _ in range(2):
        assert outgoing(messages("user"), {"stress": 0.75}, plugin=plugin)["max_completion_tokens"] > 700
    assert outgoing(messages("user"), {"stress": 0.75}, plugin=plugin)["max_completion_tokens"] == 700
    assert outgoing(messages("user"), {"stress": 0.5}, plugin=plugin)["temperature"] == 0.4


def test_exchanges_do_not_fill_the_memory() -> None:
    plugin = modulation()
    exchange = an_exchange("Hello", signals=RISKY)
    for number in range(MOST_REMEMBERED + 5):
        exchange.id = f"A-{number}"
        plugin.shape(exchange)
    assert len(plugin._heard) == MOST_REMEMBERED


def test_a_wrong_policy_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "modulation.yaml").write_text("signals: 3")
    settings = Settings(policies=Policies(str(tmp_path)))
    with pytest.raises(DocumentError, match=r"modulation\.yaml"):
        modulation(settings=settings)


def test_the_plugin_behaves_whatever_it_is_given() -> None:
    plugin_kit(modulation()).check()


bodies = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("messages", "input", "instructions", "temperature", "top_p", "n", "stop", "reasoning", "text", "max_tokens")


@tried(max_examples=150, deadline=None)
@given(
    some.sampled_from((CHAT, COMPLETIONS, RESPONSES)),
    some.sampled_from(("gpt-4o", "gpt-5", "gpt-3.5-turbo")),
    some.dictionaries(some.sampled_from((*MEMBERS, "max_completion_tokens", "prompt", "reasoning_effort")), bodies),
)
def test_any_body_is_changed_into_json_or_left(path: str, model: str, members: dict[str, Any]) -> None:
    body = json.dumps({**members, "model": model}).encode()
    exchange = an_exchange(body, path=path, signals=RISKY | HURRIED)
    nudge = modulation().shape(exchange)
    if nudge is not None:
        after = json.loads(spliced(body, nudge.changes))
        named = {change.path[0] for change in nudge.changes}
        assert {name: after[name] for name in after if name not in named} == {
            name: value for name, value in exchange.request.json.items() if name not in named
        }


def held(exchange: Exchange, *, flag: str = "off", standing: Standing = NOTHING_SAID) -> Nudge | None:
    """Gives what becomes of an exchange of a caller who stands like this."""
    flags = Flags(in_force({"STRICT_DEFAULT": flag}, {}, {}, loopback=False))
    plugin = Modulation(Modulation.Settings("enforce"))
    plugin.startup(started(Path(), flags=flags, standing=lambda _: standing))
    return plugin.shape(exchange)


TIGHTENED = Withheld("t1", "p", "retrieval", datetime(2100, 1, 1, tzinfo=UTC), "3 calls were blocked", strict=True)


@pytest.mark.parametrize(
    ("flag", "standing", "source"),
    [
        ("on", NOTHING_SAID, "STRICT_DEFAULT"),
        ("off", Standing(conservative=True), "lock"),
        ("off", Standing(withheld=(TIGHTENED,)), "tightening"),
    ],
    ids=["flag", "lock", "tightening"],
)
def test_whoever_is_held_strict_is_so_in_every_conversation(flag: str, standing: Standing, source: str) -> None:
    nudge = held(an_exchange("Hello"), flag=flag, standing=standing)
    assert nudge is not None
    assert (nudge.safety_mode, nudge.because) == ("strict", source)
    assert [each.path for each in nudge.changes] == [("messages",)]
    runs = held(an_exchange({"assistant_id": "a"}, path="/v1/threads/runs"), flag=flag, standing=standing)
    assert runs is not None
    assert (runs.changes, runs.safety_mode) == ((), "strict")


def test_tools_that_are_withheld_from_a_caller_do_not_make_them_strict_by_themselves() -> None:
    withheld = msgspec.structs.replace(TIGHTENED, strict=False)
    assert held(an_exchange("Hello"), standing=Standing(withheld=(withheld,))) is None


def test_ratings_move_the_style_of_a_calm_request() -> None:
    nudge = held(an_exchange("Hello"), standing=Standing(StyleDelta(temperature=-0.05)))
    assert nudge is not None
    assert (nudge.changes, nudge.sources, nudge.safety_mode) == ((Set(("temperature",), 0.55),), ("feedback",), None)


def test_the_mode_of_a_model_goes_before_the_plugins_and_that_of_a_key_before_it() -> None:
    plugin = Modulation(Modulation.Settings("enforce", {"gpt-4o-mini*": "off", "gpt-4*": "shadow"}))
    plugin.startup(started(Path()))

    def applied(model: str, of_key: Mode | None = None) -> bool | None:
        nudge = plugin.shape(an_exchange("Hello", model=model, signals=RISKY, caller=a_caller(mode=of_key)))
        return None if nudge is None else nudge.applied

    assert [applied("gpt-4o-mini"), applied("gpt-4o"), applied("gpt-5")] == [None, False, True]
    assert [applied("gpt-4o-mini", "enforce"), applied("gpt-5", "off")] == [True, None]


def test_what_was_held_back_or_still_acts_stands_beside_the_changes() -> None:
    plugin = modulation(seconds=0)
    first = plugin.shape(an_exchange("Hello", signals={"stress": 0.9}))
    assert first is not None
    assert (first.levels, first.damped) == ({}, ())
    second = plugin.shape(an_exchange("Hello", signals={"stress": 0.3}))
    assert second is not None
    assert second.levels == {"stress": 0.9}
    assert second.damped == ("stress: its fall from 0.9 to 0.3 waits for another 800 ms",)


class Finds:
    """Finds the same signals in every exchange."""

    def __init__(self, levels: dict[str, float]) -> None:
        self.levels = levels

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        return Signals(self.levels)


ODD = b'{ "model":"gpt-4o-mini",  "messages" :[{"role":"user","content":"\\u0048i"}], "temperature":0.90, "seed":1e0 }'


@pytest.mark.parametrize(
    ("levels", "mode", "sent"),
    [
        ({"trust": 0.15}, "enforce", ODD),
        ({"stress": 0.5}, "shadow", ODD),
        ({"trust": 0.9}, "enforce", ODD.replace(b"0.90", b"0.704")),
    ],
    ids=["calm", "shadow", "enforce"],
)
async def test_what_the_upstream_receives(
    tmp_path: Path, levels: dict[str, float], mode: Literal["shadow", "enforce"], sent: bytes
) -> None:
    transport = FakeTransport(FakeReply(b'{"choices":[]}'))
    passages = Passages(tmp_path, transport, Finds(levels), modulation(mode))
    await passages.carry(FakeClient(body=ODD))
    passages.close()
    assert transport.bodies == [sent]


def test_a_nudge_is_made_of_known_changes() -> None:
    nudge = modulation().shape(an_exchange("Hello", signals=HURRIED))
    assert nudge is not None
    assert nudge.changes == (Set(("max_completion_tokens",), 700),)


def test_the_counter_signal_is_published_once_when_it_begins_to_hold() -> None:
    plugin, startup, heard = modulation(), started(Path()), list[tuple[str, str]]()
    plugin.startup(startup)
    startup.bus.subscribe("stabilize", lambda signal: heard.append((signal.source, signal.audit_id)))
    exchanges = [an_exchange(signals={"stress": 0.9}) for _ in range(5)]
    for exchange in exchanges:
        plugin.shape(exchange)
    assert heard == [("modulation", exchanges[2].id)]
