"""What Prometheus reads after a flush, and nothing twice."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway import Usage
from gateway.exchange import ToolUse
from gateway.metrics import MOST_REASONS, Metrics
from gateway.testing import an_exchange
from policies.prices import Cost


def counted() -> tuple[Metrics, CollectorRegistry]:
    registry = CollectorRegistry()
    return Metrics(registry), registry


def ended(
    metrics: Metrics,
    usage: Usage | None = None,
    total_ms: int = 80,
    upstream_ms: int = 70,
    usd: float | None = None,
) -> None:
    exchange = an_exchange(usage=usage)
    exchange.cost = Cost(usd, "m from 2026-01-01") if usd is not None else None
    exchange.outcome = "answered"
    metrics.ended(exchange, "chat.completions", 200, total_ms * 1_000_000, upstream_ms * 1_000_000)


WITHOUT_DESCRIPTORS = """
import sys
from prometheus_client import CollectorRegistry, multiprocess
from tests.builders.descriptors import no_descriptors_left
from tests.gateway.test_metrics import counted, ended

ended(counted()[0])  # what it imports, it imports now

metrics, _ = counted()
with no_descriptors_left():
    ended(metrics)
    for _ in range(2):
        try:
            metrics.flush()
        except OSError as error:
            print(error.errno)
metrics.flush()
seen = CollectorRegistry()
multiprocess.MultiProcessCollector(seen)
labels = {"endpoint": "chat.completions"}
print(seen.get_sample_value("lukhas_exchange_seconds_count", labels))
print(seen.get_sample_value("lukhas_exchanges_total", labels | {"outcome": "answered", "status": "200"}))
"""


def test_what_no_file_can_be_opened_for_is_counted_later_and_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_DESCRIPTORS]
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    run = subprocess.run(command, env=environ, capture_output=True, check=True, text=True)
    assert run.stdout.split() == ["24", "24", "1.0", "1.0"]


def test_exchanges_are_counted_by_endpoint_outcome_and_status() -> None:
    metrics, registry = counted()
    labels = {"endpoint": "chat.completions", "outcome": "answered", "status": "200"}
    ended(metrics)
    ended(metrics)
    metrics.flush()
    metrics.flush()
    assert registry.get_sample_value("lukhas_exchanges_total", labels) == 2
    ended(metrics)
    metrics.flush()
    assert registry.get_sample_value("lukhas_exchanges_total", labels) == 3


def test_the_gateways_own_time_stands_apart_from_the_upstreams() -> None:
    metrics, registry = counted()
    ended(metrics, total_ms=80, upstream_ms=70)
    metrics.flush()
    endpoint = {"endpoint": "chat.completions"}
    sums = [
        registry.get_sample_value(f"lukhas_{name}_seconds_sum", endpoint)
        for name in ("exchange", "upstream", "overhead")
    ]
    assert [round(each or 0, 6) for each in sums] == [0.08, 0.07, 0.01]


def test_durations_fall_into_the_buckets_that_prometheus_would_choose() -> None:
    metrics, registry = counted()
    for milliseconds in (5, 6, 400_000):
        ended(metrics, total_ms=milliseconds, upstream_ms=0)
    metrics.flush()

    def below(bound: str) -> float | None:
        labels = {"endpoint": "chat.completions", "le": bound}
        return registry.get_sample_value("lukhas_exchange_seconds_bucket", labels)

    assert [below(bound) for bound in ("0.005", "0.01", "300.0", "+Inf")] == [1, 2, 2, 3]
    assert registry.get_sample_value("lukhas_exchange_seconds_count", {"endpoint": "chat.completions"}) == 3


def test_tokens_are_counted_by_direction_and_estimates_apart() -> None:
    metrics, registry = counted()
    ended(metrics, Usage(3, 4))
    ended(metrics, Usage(10, 20, estimated=True))
    ended(metrics, Usage(1, 1))
    metrics.flush()
    tokens = {
        (direction, estimated): registry.get_sample_value(
            "lukhas_tokens_total", {"direction": direction, "estimated": estimated}
        )
        for direction in ("input", "output")
        for estimated in ("yes", "no")
    }
    assert tokens == {("input", "no"): 4, ("output", "no"): 5, ("input", "yes"): 10, ("output", "yes"): 20}


def test_dollars_are_added_up_and_what_has_no_price_is_counted() -> None:
    metrics, registry = counted()
    ended(metrics, Usage(3, 4), usd=0.25)
    ended(metrics, Usage(3, 4), usd=0.5)
    ended(metrics, Usage(3, 4, estimated=True), usd=1.0)
    ended(metrics, Usage(3, 4))
    ended(metrics)
    metrics.flush()
    metrics.flush()
    dollars = [registry.get_sample_value("lukhas_cost_dollars_total", {"estimated": each}) for each in ("no", "yes")]
    assert dollars == [0.75, 1.0]
    assert registry.get_sample_value("lukhas_uncosted_exchanges_total") == 1


def test_faults_of_plugins_are_counted_at_once() -> None:
    metrics, registry = counted()
    metrics.fault("mine", "judge", "raised")
    labels = {"plugin": "mine", "hook": "judge", "kind": "raised"}
    assert registry.get_sample_value("lukhas_plugin_faults_total", labels) == 1


def test_calls_of_tools_are_timed_by_alias_and_blocked_ones_counted_by_reason() -> None:
    metrics, registry = counted()
    metrics.used(
        [
            ToolUse("retrieve_knowledge", "ok", 0, 40_000_000, alias="retrieval"),
            ToolUse("lookup_17", "error", 0, 1),
            ToolUse("exec_code", "blocked", 0, 1, "tool_not_offered", alias="code_exec"),
            ToolUse("made_up", "blocked", 0, 1, "tool_not_offered"),
        ]
    )
    value = registry.get_sample_value
    assert value("lukhas_tool_seconds_sum", {"tool": "retrieval"}) == 0.04
    assert value("lukhas_tool_seconds_count", {"tool": "other"}) == 1
    for tool in ("code_exec", "other"):
        assert value("lukhas_tools_blocked_total", {"tool": tool, "reason": "tool_not_offered"}) == 1


def test_labels_of_blocked_calls_are_bounded_whatever_plugins_say() -> None:
    metrics, registry = counted()
    for number in range(200):
        metrics.used([ToolUse(f"tool_{number}", "blocked", 0, 1, f"reason_{number}")])
    (family,) = (each for each in registry.collect() if each.name == "lukhas_tools_blocked")
    counts = {tuple(each.labels.values()): each.value for each in family.samples if each.name.endswith("_total")}
    assert len(counts) == MOST_REASONS + 1
    assert counts["other", "other"] == 200 - MOST_REASONS


def test_tightenings_are_counted() -> None:
    metrics, registry = counted()
    metrics.tightened(2)
    assert registry.get_sample_value("lukhas_auto_tighten_total") == 2
