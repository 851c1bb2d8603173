"""How the answers of several plugins become one decision, and what of it stands in the exchange."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway import (
    Context,
    Exchange,
    Grant,
    Insert,
    Nudge,
    Refusal,
    Remove,
    Route,
    Set,
    Signals,
    Target,
    Usage,
    hookimpl,
)
from gateway.decide import (
    UNIDENTIFIED,
    admitted,
    context_text,
    counted,
    identified,
    judged,
    observed,
    reminded,
    routed,
    shaped,
    shaped_again,
)
from gateway.exchange import Request
from gateway.hooks import Implementation
from gateway.hookspecs import Hooks
from gateway.loader import Common, Plugin, chain_of
from gateway.testing import a_caller, an_exchange
from tests.builders.pipelines import Faults, a_chain

DEFAULT = Target()


class Says:
    """Answers each hook with what it was made with; a function is called with the exchange."""

    def __init__(self, answer: Any = None, *, later: bool = False) -> None:
        self._answer = answer
        self._later = later
        self.asked = 0

    async def _said(self, exchange: Exchange) -> Any:
        self.asked += 1
        if self._later:
            await asyncio.sleep(0)
        return self._answer(exchange) if callable(self._answer) else self._answer

    @hookimpl
    async def identify(self, exchange: Exchange) -> Any:
        return await self._said(exchange)

    @hookimpl
    async def admit(self, exchange: Exchange) -> Any:
        return await self._said(exchange)

    @hookimpl
    async def observe(self, exchange: Exchange) -> Any:
        return await self._said(exchange)

    @hookimpl
    async def judge(self, exchange: Exchange) -> Any:
        return await self._said(exchange)

    @hookimpl
    async def route(self, exchange: Exchange) -> Any:
        return await self._said(exchange)

    @hookimpl
    async def recall(self, exchange: Exchange) -> Any:
        return await self._said(exchange)

    @hookimpl
    async def shape(self, exchange: Exchange) -> Any:
        return await self._said(exchange)


def asking(hook: str, *answers: Any, later: bool = False, faults: Faults | None = None) -> tuple[Implementation, ...]:
    """Gives the implementations of a hook by plugins with these answers, in their order."""
    plugins = [answer if isinstance(answer, Says) else Says(answer, later=later) for answer in answers]
    loaded = [Plugin(f"says_{at}", "1", "test", plugin, Common()) for at, plugin in enumerate(plugins)]
    return chain_of(loaded, faults or Faults()).implementations[hook]


# identify, admit, judge


@pytest.mark.parametrize("later", [False, True])
async def test_the_first_who_knows_the_caller_counts(later: bool) -> None:
    exchange, last = an_exchange(), Says(a_caller("T5"))
    asked = asking("identify", None, a_caller("T3"), last, later=later)
    assert await identified(asked, exchange) is None
    assert (exchange.caller and exchange.caller.tier, last.asked) == ("T3", 0)


async def test_a_caller_whom_nobody_knows_is_401() -> None:
    exchange = an_exchange()
    exchange.caller = None
    assert await identified(asking("identify", None, None), exchange) is UNIDENTIFIED
    assert await identified((), exchange) is UNIDENTIFIED
    assert exchange.caller is None


async def test_a_broken_sign_in_is_a_refusal_and_no_caller() -> None:
    exchange = an_exchange()
    exchange.caller = None
    refusal = await identified(asking("identify", {"principal": "root"}), exchange)
    assert (refusal and refusal.status, exchange.caller) == (503, None)


@pytest.mark.parametrize("later", [False, True])
async def test_the_first_refusal_to_admit_ends_it_and_nothing_is_granted(later: bool) -> None:
    exchange, last = an_exchange(), Says(Grant({"a": 1}))
    no = Refusal("No.", code="no")
    assert await admitted(asking("admit", Grant({"a": 5}), no, last, later=later), exchange) == no
    assert (exchange.grants, last.asked) == ({}, 0)


async def test_grants_are_merged_to_the_smallest_limits() -> None:
    exchange = an_exchange()
    grants = (Grant({"rpm": 60, "tpm": 10}), None, Grant({"rpm": 30}), Grant({"rpm": 45, "usd": 0.5}))
    assert await admitted(asking("admit", *grants), exchange) is None
    assert exchange.grants == {"rpm": 30, "tpm": 10, "usd": 0.5}


async def test_the_first_judgement_counts() -> None:
    first, last = Refusal("First."), Says(Refusal("Second."))
    assert await judged(asking("judge", None, first, last), an_exchange()) == first
    assert last.asked == 0
    assert await judged(asking("judge", None), an_exchange()) is None


# observe


async def test_signals_are_merged_to_the_highest_levels() -> None:
    exchange = an_exchange(signals={"known": 0.9, "low": 0.1})
    await observed(
        asking("observe", Signals({"a": 0.2, "low": 0.4}), None, Signals({"a": 0.7, "known": 0.3})), exchange
    )
    assert exchange.signals == {"a": 0.7, "low": 0.4, "known": 0.9}


async def test_levels_stay_between_0_and_1() -> None:
    exchange = an_exchange()
    await observed(asking("observe", Signals({"a": 7, "b": -3, "c": float("inf")})), exchange)
    assert exchange.signals == {"a": 1.0, "b": 0.0, "c": 1.0}


@pytest.mark.parametrize("level", [float("nan"), "high", None, [1]])
async def test_a_level_that_is_no_number_is_the_plugins_fault_and_changes_nothing(level: Any) -> None:
    exchange, faults = an_exchange(), Faults()
    asked = asking("observe", Signals({"a": 0.5, "b": level}), Signals({"c": 0.3}), faults=faults)
    await observed(asked, exchange)
    assert exchange.signals == {"c": 0.3}
    assert [kind for _, _, kind in faults.seen] == ["wrong_type"]
    assert exchange.trail[-1].fault == "wrong_type: a level is not a number"


# route


async def test_the_first_route_counts_and_the_default_stands_without_one() -> None:
    exchange = an_exchange()
    await routed(asking("route", None), exchange)
    assert exchange.route == Route((DEFAULT,))
    there = Route((Target("there"),), because="it is cheap")
    await routed(asking("route", None, there, Route((Target("elsewhere"),))), exchange)
    assert exchange.route == there


async def test_a_route_without_targets_is_a_fault_and_the_next_plugin_is_asked() -> None:
    exchange, faults, there = an_exchange(), Faults(), Route((Target("there"),))
    await routed(asking("route", Route(()), there, faults=faults), exchange)
    assert exchange.route == there
    assert [kind for _, _, kind in faults.seen] == ["wrong_type"]


# recall


def body_of(exchange: Exchange) -> Any:
    assert exchange.request.body is not None
    assert json.loads(exchange.request.body) == exchange.request.json
    return exchange.request.json


async def test_what_is_recalled_stands_before_the_last_user_turn_as_untrusted_data() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "What did I say?"}]
    exchange = an_exchange({"model": "m", "messages": messages})
    await reminded(asking("recall", Context("You said A.", "notes"), None, Context("And B.", "diary")), exchange, 1000)
    system, reminder, question = body_of(exchange)["messages"]
    assert (system, question) == (messages[0], messages[1])
    assert "untrusted data" in reminder["content"]
    assert reminder["content"].endswith("[notes]\nYou said A.\n\n[diary]\nAnd B.")


@pytest.mark.parametrize("answers", [(), (None,), (Context("", "notes"),)])
async def test_where_nothing_is_recalled_the_body_keeps_its_bytes(answers: tuple[Any, ...]) -> None:
    exchange = an_exchange()
    before = exchange.request
    await reminded(asking("recall", *answers), exchange, 1000)
    assert exchange.request is before


async def test_a_body_that_cannot_be_read_is_reminded_of_nothing() -> None:
    exchange = an_exchange(b"", path="/v1/unheard/of")
    await reminded(asking("recall", Context("x", "notes")), exchange, 1000)
    assert exchange.request.body == b""


def test_contexts_share_one_budget_and_the_first_come_first() -> None:
    text = context_text([Context("aaaa", "1"), Context("bbbb", "2"), Context("cccc", "3")], 6)
    assert text.endswith("[1]\naaaa\n\n[2]\nbb")
    assert context_text([Context("aaaa", "1")], 0) == ""


# shape


def setting(**members: Any) -> Nudge:
    return Nudge(tuple(Set((name,), value) for name, value in members.items()), because="a test")


async def test_each_nudge_sees_the_work_of_the_one_before() -> None:
    exchange = an_exchange({"model": "m", "temperature": 1e-7, "messages": []})
    seen: list[Mapping[str, Any]] = []

    def looks(exchange: Exchange) -> Nudge:
        seen.append(exchange.request.json)
        return setting(top_p=0.5)

    await shaped(asking("shape", setting(temperature=0.2), looks, None), exchange, DEFAULT)
    assert seen == [{"model": "m", "temperature": 0.2, "messages": []}]
    assert body_of(exchange) == {"model": "m", "temperature": 0.2, "messages": [], "top_p": 0.5}


@pytest.mark.parametrize("answer", [None, Nudge((), because="nothing")])
async def test_without_changes_the_body_is_the_one_that_came(answer: Any) -> None:
    exchange = an_exchange(b'{ "model":"m" , "n": 1e-7 }')
    before = exchange.request
    await shaped(asking("shape", answer), exchange, Target(model="m"))
    assert exchange.request is before


async def test_a_target_with_another_model_changes_the_model_alone_before_anyone_is_asked() -> None:
    exchange = an_exchange(b'{ "model":"m" , "n": 1e-7 }')
    models: list[str | None] = []
    await shaped(asking("shape", lambda exchange: models.append(exchange.request.model)), exchange, Target(model="x"))
    assert exchange.request.body == b'{ "model":"x" , "n": 1e-7 }'
    assert (exchange.request.model, models) == ("x", ["x"])


@pytest.mark.parametrize(
    "nudge",
    [
        Nudge((Set(("no", "such"), 1),), because="x"),
        Nudge((Set(("n",), object()),), because="x"),
        Nudge((Set(("n",), float("nan")),), because="x"),
        Nudge((Remove(()),), because="x"),
        Nudge((Insert(("n",), 0, 1),), because="x"),
        Nudge((Set((5, 5), 1),), because="x"),
        Nudge((None,), because="x"),  # type: ignore[arg-type]
        Nudge((setting(),), because="x"),  # type: ignore[arg-type]
    ],
    ids=range(8),
)
async def test_a_nudge_that_cannot_be_made_is_dropped_whole_and_counted(nudge: Nudge) -> None:
    exchange = an_exchange(b'{"model":"m","n":1}')
    both = Nudge((Set(("n",), 2), *nudge.changes), because="x")
    faults = Faults()
    await shaped(asking("shape", both, setting(top_p=0.5), faults=faults), exchange, DEFAULT)
    assert exchange.request.body == b'{"model":"m","n":1,"top_p":0.5}'
    assert [kind for _, _, kind in faults.seen] == ["wrong_type"]


class Governs:
    def __init__(self, nudge: Callable[[], Nudge]) -> None:
        self._nudge = nudge

    @hookimpl(governs_tools=True)
    def shape(self) -> Nudge:
        return self._nudge()


@pytest.mark.parametrize("broken", [lambda: Nudge((Set(("no", "such"), 1),), because="x"), lambda: 1 / 0])
async def test_where_the_governor_of_tools_breaks_the_request_goes_without_tools(broken: Callable[[], Nudge]) -> None:
    about_tools = {"tool_choice": "auto", "functions": [], "parallel_tool_calls": True, "web_search_options": {}}
    exchange = an_exchange({"model": "m", "tools": [{"type": "function"}], **about_tools})
    await shaped(a_chain(Governs(broken)).implementations["shape"], exchange, DEFAULT)
    assert body_of(exchange) == {"model": "m"}


@pytest.mark.parametrize("request_", [Request(None, None), Request(None, b"")])
async def test_what_is_no_json_object_is_not_shaped(request_: Request) -> None:
    exchange = an_exchange()
    exchange.request = request_
    await shaped(asking("shape", setting(n=1)), exchange, Target(model="x"))
    assert exchange.request is request_


# account


@pytest.mark.parametrize(
    "counts",
    [
        (-1, 0),
        (0, -1),
        (1.5, 0),
        (None, 0),
        ("3", 0),
        (1, 1, -1),
        (1, 1, 0, -1),
        (10**400, 1),
        (1, 1, 0, 0, True, "2"),
        (1, 1, 0, 0, False, 0, -1),
    ],
)
def test_a_count_that_is_none_is_the_plugins_fault(counts: tuple[Any, ...]) -> None:
    exchange = an_exchange()
    (implementation,) = asking("observe", None)
    assert not counted(implementation, exchange, Usage(*counts))
    assert (exchange.usage, exchange.trail[-1].fault is not None) == (None, True)


def test_a_count_is_taken_over() -> None:
    exchange = an_exchange()
    (implementation,) = asking("observe", None)
    assert counted(implementation, exchange, Usage(3, 0))
    assert exchange.usage == Usage(3, 0)


async def test_every_answer_stands_in_the_trail_with_who_gave_it() -> None:
    exchange = an_exchange()
    await observed(asking("observe", Signals({"a": 1}), None), exchange)
    assert [(step.hook, step.plugin, step.answer) for step in exchange.trail] == [
        ("observe", "says_0", Signals({"a": 1})),
        ("observe", "says_1", None),
    ]


class Narrows:
    """Answers `shape` with what it was given."""

    def __init__(self, nudge: Nudge) -> None:
        self._nudge = nudge

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return self._nudge


def shaping(*nudges: Nudge) -> tuple[Any, ...]:
    return tuple(each for nudge in nudges for each in a_chain(Narrows(nudge)).of(Hooks.shape))


async def test_what_is_not_applied_is_not_made_and_governs_nothing() -> None:
    exchange = an_exchange()
    computed = Nudge((Set(("temperature",), 0.1),), "in shadow", False, safety_mode="strict", allowed_tools=())
    await shaped(shaping(computed), exchange, Target())
    assert exchange.request is exchange.asked
    assert (exchange.safety_mode, exchange.allowed_tools) == ("balanced", None)


async def test_a_later_plugin_neither_ends_strict_mode_nor_lengthens_the_list_of_tools() -> None:
    exchange = an_exchange()
    first = Nudge((), "risk", safety_mode="strict", allowed_tools=("retrieval",))
    second = Nudge((), "calm", safety_mode="creative", allowed_tools=("retrieval", "browser"))
    await shaped(shaping(first, second), exchange, Target())
    assert (exchange.safety_mode, exchange.allowed_tools) == ("strict", frozenset(("retrieval",)))


async def test_of_several_limits_the_smallest_holds_until_the_next_target() -> None:
    exchange = an_exchange()
    several, fewer = (Nudge((), "risk", limits={"planner_beam": beam, "retrieval_k": 6}) for beam in (3, 2))
    computed = Nudge((), "in shadow", False, limits={"planner_beam": 1})
    await shaped(shaping(fewer, several, computed), exchange, Target())
    assert exchange.limits == {"planner_beam": 2, "retrieval_k": 6}
    await shaped(shaping(several), exchange, Target())
    assert exchange.limits == {"planner_beam": 3, "retrieval_k": 6}


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), -1, "many"])
async def test_a_limit_that_cannot_be_one_is_the_plugins_fault(limit: Any) -> None:
    faults, exchange = Faults(), an_exchange()
    nudge = Nudge((Set(("n",), 1),), "odd", limits={"planner_beam": limit})
    await shaped(asking("shape", nudge, faults=faults), exchange, Target())
    assert (exchange.limits, exchange.request) == ({}, exchange.asked)
    assert faults.seen == [("says_0", "shape", "wrong_type")]


async def test_a_later_step_of_a_loop_keeps_what_holds_and_only_tightens_it() -> None:
    exchange = an_exchange({"model": "m", "temperature": 0.5})
    first = Nudge((), "calm", allowed_tools=("retrieval",), hosted={"look": "retrieval"}, limits={"planner_beam": 2})
    await shaped(shaping(first), exchange, Target())
    later = Nudge((), "calm", safety_mode="creative", allowed_tools=("browser",), hosted={"open_url": "browser"})
    tighter = Nudge((Set(("temperature",), 0.1),), "risk", safety_mode="strict", limits={"planner_beam": 1})
    await shaped_again(shaping(later), exchange)
    assert (exchange.safety_mode, exchange.allowed_tools) == ("balanced", frozenset())
    await shaped_again(shaping(tighter), exchange)
    assert (exchange.safety_mode, exchange.hosted, exchange.step) == ("strict", {"look": "retrieval"}, 3)
    assert (exchange.limits, body_of(exchange)["temperature"]) == ({"planner_beam": 1}, 0.1)


async def test_what_would_loosen_a_later_step_of_a_loop_is_not_done_and_is_the_plugins_fault() -> None:
    faults, exchange = Faults(), an_exchange({"model": "m", "temperature": 0.5})
    await shaped_again(asking("shape", setting(temperature=0.6), setting(top_p=0.2), faults=faults), exchange)
    assert (body_of(exchange)["temperature"], body_of(exchange)["top_p"]) == (0.5, 0.2)
    assert [hook for _, hook, _ in faults.seen] == ["shape"]


async def test_levels_that_are_not_applied_do_not_act() -> None:
    class Watches:
        @hookimpl
        def observe(self, exchange: Exchange) -> Signals:
            return Signals({"stress": 0.9}, {"stress": "it says so"}, applied=False)

    exchange = an_exchange()
    await observed(a_chain(Watches()).of(Hooks.observe), exchange)
    assert exchange.signals == {}
    assert exchange.trail[-1].answer == Signals({"stress": 0.9}, {"stress": "it says so"}, applied=False)
