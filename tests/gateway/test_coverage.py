"""Which hooks are asked where, and that no security hook is skipped without a written reason."""

import pytest

from gateway import Exchange, Refusal, hookimpl
from gateway.coverage import (
    CoverageError,
    ShippedGap,
    Traffic,
    asked,
    check_coverage,
    gaps_of,
    shipped_gaps,
    traffic_of,
)
from gateway.endpoints import Document, Endpoint, EndpointTable, load_endpoints
from gateway.hookspecs import EXCHANGE_HOOKS
from gateway.loader import Chain, Common, Plugin, chain_of
from gateway.settings import AcceptedGap, Coverage, Settings

EVERY_HOOK = [hook.name for hook in EXCHANGE_HOOKS]
STRANGE = Endpoint("oracle", "askOracle", "POST", "/oracle", False, ("json",), ("json",))


class Judge:
    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return None


def chain_with(*instances: object) -> Chain:
    plugins = [Plugin(type(each).__name__.lower(), "1", "test", each, Common()) for each in instances]
    return chain_of(plugins, lambda *_: None)


def table_of(*endpoints: Endpoint) -> EndpointTable:
    return EndpointTable(endpoints, Document("t", "1", ""))


def test_the_shipped_gaps_explain_every_endpoint_whatever_the_plugins_answer() -> None:
    gaps = list(gaps_of(load_endpoints(), EVERY_HOOK, (), shipped_gaps()))
    assert gaps
    assert [gap for gap in gaps if gap.reason is None] == []


def test_every_shipped_gap_is_one() -> None:
    gaps = list(gaps_of(load_endpoints(), EVERY_HOOK, (), shipped_gaps()))
    assert {gap.reason for gap in gaps} == {shipped.reason for shipped in shipped_gaps()}


def test_an_endpoint_that_is_new_to_the_document_is_explained_by_nothing() -> None:
    gaps = list(gaps_of(table_of(STRANGE), ["watch"], (), shipped_gaps()))
    assert [gap.traffic.endpoint for gap in gaps if gap.reason is None] == ["oracle"]


@pytest.mark.parametrize("hook", ["identify", "admit", "route", "record"])
def test_some_hooks_are_asked_about_everything(hook: str) -> None:
    assert all(asked(traffic, hook) for traffic in traffic_of(load_endpoints()))


@pytest.mark.parametrize(
    ("traffic", "hooks"),
    [
        (Traffic("chat.completions", "json", "json", True), set(EVERY_HOOK)),
        (Traffic("chat.completions", "json", "events", True), set(EVERY_HOOK)),
        (
            Traffic("embeddings", "json", "json", False),
            {"identify", "admit", "observe", "judge", "route", "shape", "account", "record"},
        ),
        (Traffic("files", "multipart", "json", False), {"identify", "admit", "route", "account", "record"}),
        (Traffic("live.{rest}", "websocket", "websocket", False), {"identify", "admit", "route", "record"}),
        (
            Traffic("realtime", "websocket", "websocket", False),
            {"identify", "admit", "observe", "route", "shape", "allow_tool", "account", "record"},
        ),
        (Traffic("responses", "websocket", "websocket", False), set(EVERY_HOOK) - {"run_tool"}),
    ],
)
def test_what_is_asked_depends_on_what_can_be_read(traffic: Traffic, hooks: set[str]) -> None:
    assert {hook for hook in EVERY_HOOK if asked(traffic, hook)} == hooks


def test_a_gap_that_nobody_accepted_stops_the_start_and_says_what_to_do() -> None:
    upload = Endpoint("portraits", "p", "POST", "/portraits", False, ("multipart",), ("json",))
    settings = Settings()
    assert check_coverage(table_of(upload), chain_with(Judge()), settings)
    with pytest.raises(CoverageError, match=r"The hook review \(reviewer\) would not be asked on oracle with a json"):
        check_coverage(table_of(STRANGE), chain_with(Judge(), Reviewer()), settings)


class Reviewer:
    @hookimpl
    def review(self, exchange: Exchange) -> Refusal | None:
        return None


def test_the_operator_may_accept_it_with_a_reason() -> None:
    accepted = AcceptedGap("orac*", ("review",), "we asked the oracle ourselves")
    settings = Settings(coverage=Coverage((accepted,)))
    gaps = check_coverage(table_of(STRANGE), chain_with(Reviewer()), settings)
    assert "we asked the oracle ourselves" in {gap.reason for gap in gaps}


def test_a_hook_that_no_plugin_answers_has_no_gaps() -> None:
    assert check_coverage(load_endpoints(), chain_with(), Settings()) == ()


def test_a_shipped_gap_speaks_of_its_own_traffic_only() -> None:
    of_uploads = ShippedGap(("*",), ("judge", "watch"), "uploads are not read", sent=("multipart",))
    gaps = list(gaps_of(table_of(STRANGE), ["watch"], (), (of_uploads,)))
    assert {gap.reason for gap in gaps if gap.traffic.sent == "multipart"} == {"uploads are not read"}
    assert {gap.reason for gap in gaps if gap.traffic.sent == "json"} == {None}
