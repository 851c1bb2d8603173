"""For plugin authors: builders of exchanges, and a kit that tries a plugin as the gateway would and worse.

from gateway.testing import an_exchange, plugin_kit

def test_it_turns_away_shouting() -> None:
    assert NoShouting().judge(an_exchange("WHY NOT")) is not None

def test_it_behaves() -> None:
    plugin_kit(NoShouting()).check()
"""

from gateway.testing.builders import a_call, a_caller, a_reply, a_streamed_reply, a_window, an_exchange, started
from gateway.testing.kit import Finding, PluginKit, plugin_kit
from gateway.testing.resume import resume_with_tools

__all__ = [
    "Finding",
    "PluginKit",
    "a_call",
    "a_caller",
    "a_reply",
    "a_streamed_reply",
    "a_window",
    "an_exchange",
    "plugin_kit",
    "resume_with_tools",
    "started",
]
