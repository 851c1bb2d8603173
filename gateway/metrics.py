"""The gateway's Prometheus metrics; every label is bounded."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.exchange import Exchange
from gateway.hooks import Fault

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)


class Metrics:
    """Counts exchanges; the children of each label set are made once and kept."""

    def __init__(self, registry: CollectorRegistry) -> None:
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
        self._faults = Counter(
            "lukhas_plugin_faults_total",
            "Plugins that broke, by hook and kind.",
            ("plugin", "hook", "kind"),
            registry=registry,
        )
        self.open = Gauge(
            "lukhas_open_exchanges", "Exchanges on their way.", registry=registry, multiprocess_mode="livesum"
        )
        self.journal_failures = Counter(
            "lukhas_journal_failures_total", "Lines that could not be appended.", registry=registry
        )
        self._counted: dict[tuple[str, str, int], Counter] = {}
        self._timed: dict[str, tuple[Histogram, Histogram, Histogram]] = {}

    def fault(self, plugin: str, hook: str, kind: Fault) -> None:
        """Counts a plugin that broke."""
        self._faults.labels(plugin, hook, kind).inc()

    def ended(self, exchange: Exchange, endpoint: str, status: int, total_ns: int, upstream_ns: int) -> None:
        """Counts an exchange at its end."""
        key = (endpoint, exchange.outcome, status)
        counter = self._counted.get(key)
        if counter is None:
            counter = self._counted[key] = self._exchanges.labels(endpoint, exchange.outcome, str(status))
        counter.inc()
        timed = self._timed.get(endpoint)
        if timed is None:
            timed = self._timed[endpoint] = (
                self._total.labels(endpoint),
                self._upstream.labels(endpoint),
                self._overhead.labels(endpoint),
            )
        timed[0].observe(total_ns / 1e9)
        timed[1].observe(upstream_ns / 1e9)
        timed[2].observe((total_ns - upstream_ns) / 1e9)
        usage = exchange.usage
        if usage is not None:
            estimated = "yes" if usage.estimated else "no"
            self._tokens.labels("input", estimated).inc(usage.input_tokens)
            self._tokens.labels("output", estimated).inc(usage.output_tokens)
