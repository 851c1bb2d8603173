"""Flags: what they may say, who is heard before whom, and which callers a share of them takes in."""

import pytest

from gateway.flags import (
    KNOWN_FLAGS,
    FlagError,
    Flags,
    InForce,
    Share,
    environment_of,
    in_force,
    is_among,
    strangers_in,
    value_of,
    written_value,
)

CALLERS = [f"key:{number:020x}" for number in range(4000)]


@pytest.mark.parametrize("said", ["1", "true", "on", "yes", "On", " TRUE ", True])
def test_a_flag_can_be_said_to_be_on_in_several_words(said: bool | str) -> None:
    assert value_of("BROWSER_TOOL", said) is True


@pytest.mark.parametrize("said", ["0", "false", "off", "no", "OFF", False])
def test_a_flag_can_be_said_to_be_off_in_several_words(said: bool | str) -> None:
    assert value_of("BROWSER_TOOL", said) is False


@pytest.mark.parametrize(("said", "percent"), [("25%", 25), ("0%", 0), ("100%", 100), ("0.5%", 0.5)])
def test_a_flag_can_be_on_for_a_share_of_the_callers(said: str, percent: float) -> None:
    assert value_of("BROWSER_TOOL", said) == Share(percent)
    assert written_value(Share(percent)) == said


@pytest.mark.parametrize("said", ["", "maybe", "25", "101%", "-1%", "nan%", "inf%", "%", "dna", "1e400%"])
def test_anything_else_is_a_sentence(said: str) -> None:
    with pytest.raises(FlagError, match="neither on nor off nor a share"):
        value_of("BROWSER_TOOL", said)


def test_a_flag_of_words_takes_its_words_alone() -> None:
    assert value_of("DNA_CUTOVER_READ_FROM", "DNA") == "dna"
    with pytest.raises(FlagError, match="none of legacy, dna"):
        value_of("DNA_CUTOVER_READ_FROM", "on")


def test_an_override_goes_before_the_environment_and_that_before_the_settings() -> None:
    name = "STRICT_DEFAULT"
    assert in_force({name: "on"}, {name: "off"}, {name: False}, loopback=False)[name] == InForce(True, "override")
    assert in_force({}, {name: "off"}, {name: True}, loopback=False)[name] == InForce(False, "environment")
    assert in_force({}, {}, {name: True}, loopback=False)[name] == InForce(True, "settings")
    assert in_force({}, {}, {}, loopback=False)[name] == InForce(False, "default")


def test_where_nobody_says_anything_two_are_on_and_the_dashboard_on_loopback() -> None:
    alone = Flags(in_force({}, {}, {}, loopback=False))
    assert {name for name in KNOWN_FLAGS if alone.on(name)} == {"TOOL_ANALYTICS", "DNA_ENCRYPT_PERSONAL"}
    assert Flags(in_force({}, {}, {}, loopback=True)).on("ADMIN_DASHBOARD")
    assert alone.word("DNA_CUTOVER_READ_FROM") == "legacy"


def test_the_environment_speaks_of_known_flags_alone() -> None:
    environ = {"FLAG_BROWSER_TOOL": "1", "FLAG_BROWSR": "1", "FLAG_STRICT_DEFAULT": "", "PATH": "/bin"}
    assert environment_of(environ) == {"BROWSER_TOOL": "1"}
    assert strangers_in(environ) == ["FLAG_BROWSR"]


def test_a_share_takes_in_about_so_many() -> None:
    among = sum(is_among(25, "BROWSER_TOOL", caller) for caller in CALLERS)
    assert 0.22 < among / len(CALLERS) < 0.28
    assert not any(is_among(0, "BROWSER_TOOL", caller) for caller in CALLERS)
    assert all(is_among(100, "BROWSER_TOOL", caller) for caller in CALLERS)


def test_whoever_is_in_a_share_stays_in_when_it_grows() -> None:
    for caller in CALLERS:
        assert is_among(30, "BROWSER_TOOL", caller) or not is_among(10, "BROWSER_TOOL", caller)


def test_the_share_of_one_flag_is_not_that_of_another() -> None:
    first = {caller for caller in CALLERS if is_among(50, "BROWSER_TOOL", caller)}
    second = {caller for caller in CALLERS if is_among(50, "CODE_EXEC_TOOL", caller)}
    assert 0.4 < len(first & second) / len(first) < 0.6


def test_a_share_is_the_same_in_every_process() -> None:
    among = [number for number in range(8) if is_among(50, "BROWSER_TOOL", f"key:{number}")]
    assert among == [0, 4, 6]


def test_a_share_is_off_for_nobody_in_particular() -> None:
    flags = Flags(in_force({"BROWSER_TOOL": "99.9%"}, {}, {}, loopback=False))
    assert not flags.on("BROWSER_TOOL")
    assert flags.on("BROWSER_TOOL", CALLERS[0])
