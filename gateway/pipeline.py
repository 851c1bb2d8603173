"""What all exchanges share on their way: the hooks in order, the upstreams, the endpoints, the recorder."""

from collections.abc import Callable, Mapping
from time import monotonic_ns

import msgspec

from gateway.endpoints import EndpointTable
from gateway.hooks import Implementation
from gateway.hookspecs import Hooks
from gateway.loader import Chain
from gateway.recorder import Recorder
from gateway.signal_bus import SignalBus
from gateway.tools.kept import Kept
from gateway.upstream import Upstream
from policies.tools import Budgets


class Sizes(msgspec.Struct, frozen=True):
    """Bounds on one exchange: bytes in and out, characters for the model, how long or much `watch` may hold."""

    json_body: int
    body: int
    kept_reply: int = 16 << 20
    context_characters: int = 16_000
    tool_output_characters: int = 32_000
    hold_ms: int = 1000
    hold_characters: int = 4000


class Pipeline:
    """The shared parts, each built once and then only read."""

    def __init__(
        self,
        chain: Chain,
        upstreams: Mapping[str, Upstream],
        endpoints: EndpointTable,
        recorder: Recorder,
        sizes: Sizes,
        clock: Callable[[], int] = monotonic_ns,
        bus: SignalBus | None = None,
        budgets: Callable[[], Budgets] = Budgets,
        kept: Kept | None = None,
    ) -> None:
        self.upstreams = upstreams
        self.endpoints = endpoints
        self.recorder = recorder
        self.sizes = sizes
        self.clock = clock
        self.bus = bus or SignalBus()
        self.budgets = budgets
        self.kept = kept
        self.tools = chain.tools
        self.identify: tuple[Implementation, ...] = chain.of(Hooks.identify)
        self.admit = chain.of(Hooks.admit)
        self.observe = chain.of(Hooks.observe)
        self.judge = chain.of(Hooks.judge)
        self.route = chain.of(Hooks.route)
        self.recall = chain.of(Hooks.recall)
        self.shape = chain.of(Hooks.shape)
        self.allow_tool = chain.of(Hooks.allow_tool)
        self.run_tool = chain.of(Hooks.run_tool)
        self.watch = chain.of(Hooks.watch)
        self.review = chain.of(Hooks.review)
        self.account = chain.of(Hooks.account)
        self.context_characters = sizes.context_characters
        self.guarded = bool(self.allow_tool or self.run_tool or self.watch or self.review)
        self.reads_all = bool(self.watch or self.review)
        self.guards_at_once = all(each.way == "def" for each in (*self.watch, *self.allow_tool))
