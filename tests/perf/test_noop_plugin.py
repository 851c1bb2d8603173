"""The no-op plugin fills every hook."""

from pathlib import Path

from gateway.configuration import load_settings
from gateway.hookspecs import EXCHANGE_HOOKS
from perf.noop_plugin import Noop

SETTINGS = Path(__file__).parents[2] / "perf" / "noop.yaml"


def test_every_hook_of_an_exchange_is_filled() -> None:
    filled = {name for name, member in vars(Noop).items() if hasattr(member, "lukhas_impl")}
    assert filled == {hook.name for hook in EXCHANGE_HOOKS}


def test_the_settings_put_it_before_what_carries_counts_and_logs() -> None:
    loaded = load_settings(str(SETTINGS), {})
    assert loaded.settings.chain == ("noop_plugin.py", "sign_in", "tier_check", "usage", "log")
    assert (loaded.folder / "noop_plugin.py").exists()
