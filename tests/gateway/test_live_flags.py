"""Flags that change while a process runs: by the file, by overrides, and never by a mistake in either."""

from pathlib import Path

import pytest

from gateway.configuration import load_settings
from gateway.live_flags import LiveFlags


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lukhas.yaml"
    path.write_text("flags: {STRICT_DEFAULT: true}\n")
    return path


def live(file: Path, **environ: str) -> LiveFlags:
    return LiveFlags(load_settings(str(file), environ), environ)


def test_a_changed_file_is_read_again(file: Path) -> None:
    flags = live(file)
    assert flags.flags.on("STRICT_DEFAULT")
    file.write_text("flags: {STRICT_DEFAULT: false, BROWSER_TOOL: 100%}\n")
    flags.catch_up({})
    assert not flags.flags.on("STRICT_DEFAULT")
    assert flags.flags.on("BROWSER_TOOL", "key:1")


def test_an_override_is_told_and_taken_back(file: Path) -> None:
    flags = live(file)
    flags.catch_up({"STRICT_DEFAULT": "off"})
    assert not flags.flags.on("STRICT_DEFAULT")
    flags.catch_up({})
    assert flags.flags.on("STRICT_DEFAULT")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("flags: {STRICT_DEFAULT: maybe}", "neither on nor off"),
        ("flags: {STRICT: true}", "flags.STRICT: unknown flag"),
        ("flags: [", "not YAML"),
        (None, "cannot be read"),
    ],
    ids=["value", "name", "yaml", "gone"],
)
def test_a_wrong_file_changes_nothing_and_is_told_once(
    file: Path, caplog: pytest.LogCaptureFixture, wrong: str | None, says: str
) -> None:
    flags = live(file)
    if wrong is None:
        file.unlink()
    else:
        file.write_text(wrong)
    for _ in range(3):
        flags.catch_up({})
    assert flags.flags.on("STRICT_DEFAULT")
    (told,) = [record.getMessage() for record in caplog.records]
    assert says in told


def test_a_file_that_is_put_right_holds_again(file: Path) -> None:
    flags = live(file)
    file.write_text("flags: [")
    flags.catch_up({})
    file.write_text("flags: {STRICT_DEFAULT: off}\n")
    flags.catch_up({})
    assert not flags.flags.on("STRICT_DEFAULT")


def test_what_else_is_wrong_in_the_file_does_not_matter_to_flags(file: Path) -> None:
    flags = live(file)
    file.write_text("flags: {STRICT_DEFAULT: off}\nserver: {ports: 1}\n")
    flags.catch_up({})
    assert not flags.flags.on("STRICT_DEFAULT")


def test_the_environment_goes_before_a_changed_file(file: Path) -> None:
    flags = live(file, FLAG_STRICT_DEFAULT="1")
    file.write_text("flags: {STRICT_DEFAULT: false}\n")
    flags.catch_up({})
    assert flags.flags.on("STRICT_DEFAULT")


def test_a_variable_that_is_no_flag_is_named(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    live(file, FLAG_STRIKT="1")
    assert [record.getMessage() for record in caplog.records] == ["FLAG_STRIKT looks like a flag and is none."]
