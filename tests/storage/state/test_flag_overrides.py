"""Overrides of flags: set, set anew, taken back."""

from datetime import UTC, datetime

from storage.state.records import FlagOverride
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_last_value_of_a_flag_holds(state: State) -> None:
    state.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "on", NOW, "admin"))
    state.flag_overrides.put(FlagOverride("BROWSER_TOOL", "10%", NOW, "admin"))
    state.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "off", NOW, "p-ada"))
    assert state.flag_overrides.every() == [
        FlagOverride("BROWSER_TOOL", "10%", NOW, "admin"),
        FlagOverride("STRICT_DEFAULT", "off", NOW, "p-ada"),
    ]


def test_a_flag_that_is_taken_back_is_gone(state: State) -> None:
    state.flag_overrides.put(FlagOverride("STRICT_DEFAULT", "on", NOW, "admin"))
    assert state.flag_overrides.remove("STRICT_DEFAULT")
    assert not state.flag_overrides.remove("STRICT_DEFAULT")
    assert state.flag_overrides.every() == []
