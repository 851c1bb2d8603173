"""The trial of the bus hears every signal past the handler that raises."""

import pytest

from gateway.commands.bus_trial import BusTried, tried_bus
from gateway.signal_bus import NAMES


def test_every_signal_is_heard_and_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert tried_bus() == BusTried(True, len(NAMES), len(NAMES))
    assert caplog.records == []
