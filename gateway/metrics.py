"""The gateway's Prometheus metrics; every label is bounded.

An exchange is counted in plain numbers, which go to Prometheus some times a second: figures that several processes
share lie in files, where each addition costs as much as all of these together. What ends by `kill -9` takes its last
quarter of a second with it.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.answers import Usage
from gateway.exchange import Exchange, Outcome, ToolUse
from gateway.hooks import Fault
from gateway.signal_bus import SignalBus
from policies.prices import Cost

FLUSH_SECONDS = 0.25
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
MOST_REASONS = 32
MOST_UNCOUNTED = 4096
OTHER = "other"
_Ended: TypeAlias = tuple[str, Outcome, int, int, int, Usage | None, Cost | None]
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)


class _Times:
    """The durations of one endpoint since the last flush: how many fell into each bucket, and their sum.

    The endpoint gets its part of the histogram at a flush, since that may open a file: one without a descriptor left
    is tried again, and no exchange fails for it.
    """

    __slots__ = ("_bounds", "_counts", "_endpoint", "_sum", "_to")

    def __init__(self, bounds: tuple[float, ...], to: Histogram, endpoint: str) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._to = to
        self._endpoint = endpoint

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def flush(self) -> None:
        if not any(self._counts):
            return
        child = self._to.labels(self._endpoint)
        # prometheus_client has no public way to add many at once; a test holds these two names.
        for bucket, count in zip(child._buckets, self._counts, strict=True):
            if count:
                bucket.inc(count)
        child._sum.inc(self._sum)
        self._counts = [0] * len(self._counts)
        self._sum = 0.0


class Metrics:
    """Counts exchanges; the children of each label set are made once and kept."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self._exchanges = Counter(
            "lukhas_exchanges_total",
            "Exchanges by endpoint, outcome and status.",
            ("endpoint", "outcome", "status"),
            registry=registry,
        )
        self._total = Histogram(
            "lukhas_exchange_seconds",
            "From the arrival of a request to the end of its reply.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._upstream = Histogram(
            "lukhas_upstream_seconds",
            "Spent in requests to the upstream.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._overhead = Histogram(
            "lukhas_overhead_seconds",
            "Spent in the gateway itself.",
            ("endpoint",),
            buckets=_OVERHEAD,
            registry=registry,
        )
        self._tokens = Counter(
            "lukhas_tokens_total",
            "Tokens by direction; estimated ones apart.",
            ("direction", "estimated"),
            registry=registry,
        )
        self._cost = Counter(
            "lukhas_cost_dollars_total",
            "US dollars that the tokens of exchanges cost; for estimated tokens apart.",
            ("estimated",),
            registry=registry,
        )
        self._uncosted = Counter(
            "lukhas_uncosted_exchanges_total", "Exchanges with tokens whose price is not known.", registry=registry
        )
        self._tool_seconds = Histogram(
            "lukhas_tool_seconds",
            "Calls of tools that ran here, by alias.",
            ("tool",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._tools_blocked = Counter(
            "lukhas_tools_blocked_total",
            "Calls of tools that were blocked; a tool that is not hosted is `other`.",
            ("tool", "reason"),
            registry=registry,
        )
        self._auto_tighten = Counter(
            "lukhas_auto_tighten_total", "Times that blocked calls withheld tools from a caller.", registry=registry
        )
        self._faults = Counter(
            "lukhas_plugin_faults_total",
            "Plugins that broke, by hook and kind.",
            ("plugin", "hook", "kind"),
            registry=registry,
        )
        self._policies = Counter(
            "lukhas_policy_reads_total",
            "Policy files that were read again because they had changed: taken, or refused.",
            ("file", "result"),
            registry=registry,
        )
        self._restarts = Counter(
            "lukhas_process_restarts_total",
            "Workers and offices that the supervisor started in the place of one that ended.",
            ("role",),
            registry=registry,
        )
        self.open = Gauge(
            "lukhas_open_exchanges", "Exchanges on their way.", registry=registry, multiprocess_mode="livesum"
        )
        self.journal_failures = Counter(
            "lukhas_journal_failures_total", "Lines that could not be appended.", registry=registry
        )
        self._signals = Counter(
            "lukhas_signals_published_total", "Signals on the bus, by name.", ("signal",), registry=registry
        )
        self._active_signals = Gauge(
            "lukhas_signals_active",
            "Signals on the bus whose time is not over, by name.",
            ("signal",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._signal_faults = Counter(
            "lukhas_signal_faults_total",
            "Handlers of the bus that raised, and signals that it dropped.",
            ("kind",),
            registry=registry,
        )
        self._active_now: Mapping[str, int] = {}
        self._counted: dict[tuple[str, str, int], int] = {}
        self._spent: dict[tuple[str, str], int] = {}
        self._costs: dict[str, float] = {}
        self._unpriced = 0
        self._timed: dict[str, tuple[_Times, _Times, _Times]] = {}
        self._dirty = False
        self._uncounted: list[_Ended] = []
        self._reasons: set[str] = set()

    def fault(self, plugin: str, hook: str, kind: Fault) -> None:
        """Counts a plugin that broke."""
        self._faults.labels(plugin, hook, kind).inc()

    def policy_read(self, file: str, result: str) -> None:
        """Counts a policy file that was read again."""
        self._policies.labels(file, result).inc()

    def restarted(self, role: str) -> None:
        """Counts a process that took the place of one that ended."""
        self._restarts.labels(role).inc()

    def signals(self, bus: SignalBus) -> None:
        """Takes over what the bus counted, and what is active on it; signals end without anybody saying so."""
        active = bus.active()
        for name in {**self._active_now, **active}:
            self._active_signals.labels(name).set(active.get(name, 0))
        self._active_now = active
        told = bus.told()
        for name, count in told.published.items():
            self._signals.labels(name).inc(count)
        for kind, count in (("raised", told.raised), ("dropped", told.dropped)):
            if count:
                self._signal_faults.labels(kind).inc(count)

    def used(self, tools: list[ToolUse]) -> None:
        """Counts the calls of an exchange."""
        for use in tools:
            tool = use.alias or OTHER
            if use.status == "blocked":
                self._tools_blocked.labels(tool, self._reason(use.because)).inc()
            else:
                self._tool_seconds.labels(tool).observe(use.took_ns / 1e9)

    def tightened(self, times: int) -> None:
        """Counts what was withheld by a rule."""
        self._auto_tighten.inc(times)

    def _reason(self, code: str) -> str:
        """Plugins choose the codes of their refusals: the first ones are told apart."""
        if len(self._reasons) < MOST_REASONS:
            self._reasons.add(code)
        return code if code in self._reasons else OTHER

    def ended(self, exchange: Exchange, endpoint: str, status: int, total_ns: int, upstream_ns: int) -> None:
        """Counts an exchange at its end."""
        # Counted at the next flush: what is done for many at once costs a tenth of what it does amid all else.
        self._uncounted.append(
            (endpoint, exchange.outcome, status, total_ns, upstream_ns, exchange.usage, exchange.cost)
        )
        if len(self._uncounted) >= MOST_UNCOUNTED:
            self._count()

    def _count(self) -> None:
        self._dirty = self._dirty or bool(self._uncounted)
        for ended in self._uncounted:
            self._add(*ended)
        self._uncounted.clear()

    def _add(
        self,
        endpoint: str,
        outcome: Outcome,
        status: int,
        total_ns: int,
        upstream_ns: int,
        usage: Usage | None,
        cost: Cost | None,
    ) -> None:
        key = (endpoint, outcome, status)
        self._counted[key] = self._counted.get(key, 0) + 1
        timed = self._timed.get(endpoint)
        if timed is None:
            timed = self._timed[endpoint] = (
                _Times(_SECONDS, self._total, endpoint),
                _Times(_SECONDS, self._upstream, endpoint),
                _Times(_OVERHEAD, self._overhead, endpoint),
            )
        timed[0].add(total_ns / 1e9)
        timed[1].add(upstream_ns / 1e9)
        timed[2].add((total_ns - upstream_ns) / 1e9)
        if usage is not None:
            spent = self._spent
            estimated = "yes" if usage.estimated else "no"
            spent["input", estimated] = spent.get(("input", estimated), 0) + usage.input_tokens
            spent["output", estimated] = spent.get(("output", estimated), 0) + usage.output_tokens
            if cost is None:
                self._unpriced += 1
            else:
                self._costs[estimated] = self._costs.get(estimated, 0.0) + cost.usd

    def flush(self) -> None:
        """Gives what was counted to Prometheus; what cannot be given is given the next time. Errors: OSError."""
        self._count()
        if not self._dirty:
            return
        for key in list(self._counted):
            endpoint, outcome, status = key
            self._exchanges.labels(endpoint, outcome, str(status)).inc(self._counted.pop(key))
        for direction, estimated in list(self._spent):
            self._tokens.labels(direction, estimated).inc(self._spent.pop((direction, estimated)))
        for estimated in list(self._costs):
            self._cost.labels(estimated).inc(self._costs.pop(estimated))
        self._uncosted.inc(self._unpriced)
        self._unpriced = 0
        for timed in self._timed.values():
            for times in timed:
                times.flush()
        self._dirty = False
