"""Loading plugins: by entry point, from files, with typed settings, in the order of the settings."""

from pathlib import Path

import msgspec
import pytest

from gateway.configuration import load_settings
from gateway.hookspecs import Hooks
from gateway.loader import Chain, LoadError, load_chain
from gateway.settings import SHIPPED_CHAIN, Loaded, Settings
from policies.document import DocumentError

POLITE = """
from gateway import Exchange, Refusal, hookimpl

class Polite:
    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return None
"""
WITH_SETTINGS = """
import msgspec
from gateway import Signals, hookimpl

class Loud:
    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        level: float = 0.5

    def __init__(self, settings: Settings) -> None:
        self.level = settings.level

    @hookimpl
    def observe(self) -> Signals:
        return Signals({"loud": self.level})
"""


def loaded(folder: Path, *chain: str, plugins: dict[str, dict[str, object]] | None = None) -> Chain:
    settings = Settings(chain=chain, plugins=plugins or {})
    return load_chain(Loaded(settings, folder / "lukhas.yaml"), lambda *_: None)


def test_the_shipped_chain_loads_in_its_order(tmp_path: Path) -> None:
    chain = loaded(tmp_path, "default")
    assert [plugin.name for plugin in chain.plugins] == list(SHIPPED_CHAIN)
    assert [each.plugin for each in chain.of(Hooks.identify)] == ["sign_in"]
    assert chain.of(Hooks.judge) == ()


def test_a_file_beside_the_settings_is_a_plugin_named_like_the_file(tmp_path: Path) -> None:
    (tmp_path / "polite.py").write_text(POLITE)
    chain = loaded(tmp_path, "polite.py", "default")
    assert next(plugin.name for plugin in chain.plugins) == "polite"
    assert [each.plugin for each in chain.of(Hooks.judge)] == ["polite"]


def test_first_listed_is_first_asked(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.py").write_text(POLITE)
    assert [each.plugin for each in loaded(tmp_path, "b.py", "a.py", "c.py").of(Hooks.judge)] == ["b", "a", "c"]


def test_a_plugin_gets_its_own_typed_settings(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(WITH_SETTINGS)
    chain = loaded(tmp_path, "loud.py", plugins={"loud": {"level": 0.9, "budget_ms": 5}})
    assert chain.plugins[0].instance.level == 0.9
    assert chain.of(Hooks.observe)[0].budget_ns == 5_000_000


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lvel": 1}, r"plugins\.loud\.lvel: unknown key; known: level\. Did you mean 'level'"),
        ({"level": "high"}, r"plugins\.loud\.level: expected a number"),
        ({"budget_ms": -4}, r"plugins\.loud\.budget_ms: expected a number > 0"),
        ({"failure": "sometimes"}, r"failure: 'sometimes' is neither closed nor open"),
        ({"failure": "open"}, r"reason: opening a plugin's failures needs a written reason"),
    ],
)
def test_wrong_plugin_settings_are_one_sentence(tmp_path: Path, values: dict[str, object], sentence: str) -> None:
    (tmp_path / "loud.py").write_text(WITH_SETTINGS)
    with pytest.raises(DocumentError, match=sentence):
        loaded(tmp_path, "loud.py", plugins={"loud": values})


def test_a_wrong_plugin_setting_in_a_file_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(WITH_SETTINGS)
    file = tmp_path / "lukhas.yaml"
    file.write_text("chain: [loud.py]\nplugins:\n  loud:\n    level: high\n")
    with pytest.raises(DocumentError, match=r"lukhas\.yaml, line 4, plugins\.loud\.level: expected a number"):
        load_chain(load_settings(str(file), {}), lambda *_: None)


def test_settings_for_a_plugin_that_is_not_in_the_chain_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"plugins\.deliberate: no plugin of this name is in the chain"):
        loaded(tmp_path, "default", plugins={"deliberate": {}})


def test_an_opened_plugin_stands_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "polite.py").write_text(POLITE)
    policy = {"failure": "open", "reason": "a demo without consequences"}
    chain = loaded(tmp_path, "polite.py", plugins={"polite": policy})
    assert msgspec.to_builtins(chain.of(Hooks.judge)[0].failure) == {"open": True, "reason": policy["reason"]}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "must hold one class with @hookimpl methods; it holds 0"),
        (POLITE + POLITE.replace("Polite", "Other"), "it holds 2"),
        ("import nothing_of_this_name", "cannot be imported: ModuleNotFoundError"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit"),
        (POLITE.replace("judge", "jugde"), "does not fit the hooks"),
        (POLITE.replace("exchange:", "request:"), "does not fit the hooks"),
        (
            POLITE.replace("class Polite:", "class Polite:\n    def __init__(self): raise OSError('no disk')"),
            "cannot be made",
        ),
        (
            POLITE.replace("hookimpl\n", "hookimpl\nimport pluggy\n", 1).replace(
                "@hookimpl", "@pluggy.HookimplMarker('lukhas')(tryfirst=True)"
            ),
            "a place of its own",
        ),
        (
            POLITE.replace("hookimpl\n", "hookimpl\nimport pluggy\n", 1)
            .replace("@hookimpl", "@pluggy.HookimplMarker('lukhas')(wrapper=True)")
            .replace("return None", "yield"),
            "wraps a hook",
        ),
    ],
)
def test_a_plugin_file_that_cannot_be_used_says_why(tmp_path: Path, source: str, sentence: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(LoadError, match=sentence):
        loaded(tmp_path, "mine.py")


def test_a_name_that_is_not_installed_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"'sign_on', which is not installed; installed: .*sign_in"):
        loaded(tmp_path, "sign_on")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"mine\.py, which is not there"):
        loaded(tmp_path, "mine.py")


def test_naming_a_plugin_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="log twice"):
        loaded(tmp_path, "default", "log")


TOOL = """
from gateway import Tool, ToolResult, hookimpl

class Clock:
    @hookimpl
    def register_tools(self) -> list[Tool]:
        return [Tool("clock", "what_time", "Says what time it is.", {"type": "object"}, seconds=7.5)]

    @hookimpl
    async def run_tool(self, call) -> ToolResult:
        return ToolResult("noon")
"""


def test_a_tool_may_take_as_long_as_it_says_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    (tmp_path / "clock.py").write_text(TOOL)
    (clock,) = loaded(tmp_path, "clock.py").of(Hooks.run_tool)
    assert clock.budget_ns == 7_500_000_000
    (clock,) = loaded(tmp_path, "clock.py", plugins={"clock": {"budget_ms": 100}}).of(Hooks.run_tool)
    assert clock.budget_ns == 100_000_000
