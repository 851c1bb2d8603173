"""The bus hands signals on, and nobody who listens can harm whoever publishes."""

from pathlib import Path

import pytest

from gateway import Exchange, Signals, hookimpl
from gateway.metrics import Metrics
from gateway.signal_bus import MOST_AT_ONCE, MOST_HANDLERS, SignalBus
from policies.modulation.homeostasis import Emission
from policies.modulation.signals import SignalError
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import FakeReply, FakeTransport
from tests.builders.pipelines import Passages


def a_signal(name: str = "stress", level: float = 0.5, ts_ms: int = 0, ttl_ms: int = 5000) -> Emission:
    return Emission(name, level, ttl_ms, "test", "", ts_ms)


def test_a_handler_hears_the_signals_of_its_name_and_one_of_all_hears_them_all() -> None:
    bus = SignalBus()
    heard: list[tuple[str, str]] = []
    bus.subscribe("*", lambda signal: heard.append(("all", signal.name)))
    bus.subscribe("stress", lambda signal: heard.append(("stress", signal.name)))
    bus.publish(a_signal("stress"))
    bus.publish(a_signal("urgency"))
    bus.publish(a_signal("stabilize", 1.0))
    assert heard == [("stress", "stress"), ("all", "stress"), ("all", "urgency"), ("all", "stabilize")]


def test_a_handler_that_raises_harms_neither_the_publisher_nor_the_others() -> None:
    bus = SignalBus()
    heard: list[float] = []

    def raises(signal: Emission) -> None:
        raise RuntimeError("no")

    def exits(signal: Emission) -> None:
        raise SystemExit(3)

    for handler in (raises, exits, lambda signal: heard.append(signal.level)):
        bus.subscribe("stress", handler)
    bus.publish(a_signal(level=0.25))
    bus.publish(a_signal(level=0.75))
    assert heard == [0.25, 0.75]
    assert bus.told().raised == 4
    assert bus.told().raised == 0


def test_who_ended_the_subscription_hears_nothing_more() -> None:
    bus = SignalBus()
    heard: list[str] = []
    end = bus.subscribe("stress", lambda signal: heard.append(signal.name))
    assert bus.heard
    end()
    end()
    bus.publish(a_signal())
    assert (heard, bus.heard) == ([], False)


def test_what_a_handler_publishes_comes_after_and_has_an_end() -> None:
    bus = SignalBus()
    heard: list[str] = []

    def answers(signal: Emission) -> None:
        bus.publish(a_signal("urgency"))
        heard.append(signal.name)

    bus.subscribe("*", answers)
    bus.publish(a_signal("stress"))
    assert heard == ["stress", *["urgency"] * (MOST_AT_ONCE - 1)]
    assert bus.told().dropped == 1
    heard.clear()
    bus.publish(a_signal("trust"))
    assert heard[0] == "trust"


@pytest.mark.parametrize(("level", "told"), [(3.0, 1.0), (-1.0, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize("name", ["stress", "stabilize"])
def test_levels_are_clamped(name: str, level: float, told: float) -> None:
    bus = SignalBus()
    heard: list[float] = []
    bus.subscribe(name, lambda signal: heard.append(signal.level))
    bus.publish(a_signal(name, level))
    assert heard == [told]


@pytest.mark.parametrize("signal", [a_signal("joy"), a_signal(level=float("nan")), a_signal("stabilize", float("nan"))])
def test_what_is_no_signal_is_refused(signal: Emission) -> None:
    with pytest.raises(SignalError):
        SignalBus().publish(signal)


def test_one_cannot_listen_to_what_there_is_not_nor_without_end() -> None:
    bus = SignalBus()
    with pytest.raises(SignalError, match="'joy'; known: alignment_risk"):
        bus.subscribe("joy", print)
    for _ in range(MOST_HANDLERS):
        bus.subscribe("stress", print)
    with pytest.raises(SignalError, match="handlers already"):
        bus.subscribe("stress", print)


def test_published_and_active_signals_are_counted() -> None:
    metrics = Metrics()
    moments = [0]
    bus = SignalBus(lambda: moments[0])
    bus.publish(a_signal(ttl_ms=100))
    bus.publish(a_signal(ttl_ms=300))
    bus.publish(a_signal("trust", ttl_ms=300))
    assert bus.active() == {"stress": 2, "trust": 1}
    moments[0] = 100
    metrics.signals(bus)
    assert metrics.registry.get_sample_value("lukhas_signals_active", {"signal": "stress"}) == 1
    assert metrics.registry.get_sample_value("lukhas_signals_published_total", {"signal": "stress"}) == 2
    moments[0] = 300
    metrics.signals(bus)
    assert bus.active() == {}
    assert metrics.registry.get_sample_value("lukhas_signals_active", {"signal": "stress"}) == 0


class Worried:
    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        return Signals({"stress": 0.5, "noise": 1.0, "trust": 0.0})


async def test_the_signals_of_an_exchange_are_published_where_somebody_listens(tmp_path: Path) -> None:
    transport = FakeTransport(FakeReply(b"{}"), FakeReply(b"{}"))
    passages = Passages(tmp_path, transport, Worried())
    heard: list[Emission] = []
    await passages.carry(FakeClient())
    end = passages.pipeline.bus.subscribe("*", heard.append)
    client = FakeClient()
    await passages.carry(client)
    end()
    passages.close()
    (signal,) = heard
    assert (signal.name, signal.level, signal.source, signal.audit_id) == ("stress", 0.5, "Worried", client.audit_id)
