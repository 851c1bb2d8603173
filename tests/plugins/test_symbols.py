"""Signs that callers have bound act as the intents that they mean, are explained with consent, and are forgotten."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from gateway import Context, Signals
from gateway.pushed import Standing
from gateway.settings import Settings
from gateway.testing import a_caller, an_exchange, plugin_kit, started
from identity.keyring import Keyring
from identity.symbols import Symbol, SymbolsSent, sealed_symbols
from plugins import symbols as room
from plugins.symbols import OwnSymbols, explained, used_in
from storage.state.records import Symbols
from storage.state.schema import brought_up_to_date
from storage.state.sealed import NONCE_BYTES
from storage.state.state import State
from tests.builders.people import keyring_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ADA, BOB = "key:ada", "key:bob"
BOUND = (Symbol("🙏", "soften"), Symbol("🫠", "reject"), Symbol("yep", "affirm"), Symbol("🔍", "more_detail"))


class Stage:
    """People with symbols, and a plugin whose clock stands at `now`."""

    def __init__(self, folder: Path, keyring: Keyring, state: State) -> None:
        self.folder, self.keyring, self.state = folder, keyring, state
        self.now = 0.0
        self.stamps: dict[str, int] = {}
        self.plugins: list[OwnSymbols] = []

    def plugin(self, gateway: Any = "enforce", **settings: Any) -> OwnSymbols:
        plugin = OwnSymbols(OwnSymbols.Settings(**settings), lambda: self.now, look_seconds=0.05)
        plugin.startup(started(self.folder, Settings(mode=gateway), people=self.keyring, standing=self._standing))
        self.plugins.append(plugin)
        return plugin

    def bind(self, principal: str, *symbols: Symbol, consent: bool = True, stamp: int = 1) -> None:
        person = self.keyring.person(principal)
        kept = sealed_symbols(SymbolsSent(consent, list(symbols)), person, token_bytes(NONCE_BYTES))
        self.state.symbols.put(Symbols(person.pseudonym, kept, consent, NOW))
        self.stamps[principal] = stamp

    def _standing(self, principal: str) -> Standing:
        return Standing(symbols=self.stamps.get(principal, 0))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    with keyring_of(tmp_path) as keyring:
        stage = Stage(tmp_path, keyring, state)
        yield stage
        for plugin in stage.plugins:
            plugin.shutdown()
    state.close()


async def seen(
    plugin: OwnSymbols, says: Any, principal: str = ADA, **members: Any
) -> tuple[Signals | None, Context | None]:
    exchange = an_exchange(says, caller=a_caller(principal=principal, **members))
    return await plugin.observe(exchange), plugin.recall(exchange)


async def test_signs_of_the_last_turn_raise_what_they_mean_and_are_explained(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    signals, context = await seen(stage.plugin(), "Once more 🙏🔍")
    assert signals == Signals(
        {"stress": 0.35, "ambiguity": 0.4},
        {"stress": "a sign of the user's own means soften", "ambiguity": "a sign of the user's own means more_detail"},
    )
    assert context is not None
    assert context.source == "symbols"
    assert '"🙏" means soften' in context.text
    assert "🫠" not in context.text


async def test_of_two_signs_for_one_signal_the_stronger_counts(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    signals, _ = await seen(stage.plugin(), "🙏 🫠")
    assert signals is not None
    assert signals.levels == {"stress": 0.5}


async def test_whoever_affirms_raises_nothing_and_is_explained(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    signals, context = await seen(stage.plugin(), "yep, go on")
    assert signals is None
    assert context is not None


async def test_only_the_last_user_turn_is_read(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    turns = [("user", "🙏"), ("assistant", "🫠"), ("user", "And now?"), ("assistant", "🔍")]
    said = {"model": "gpt-4o-mini", "messages": [{"role": role, "content": text} for role, text in turns]}
    assert await seen(stage.plugin(), said) == (None, None)


async def test_nobody_else_means_anything_by_them(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    plugin = stage.plugin()
    await seen(plugin, "🙏")
    assert await seen(plugin, "🙏", BOB) == (None, None)
    stage.bind(BOB, Symbol("🙏", "reject"))
    signals, _ = await seen(plugin, "🙏", BOB)
    assert signals is not None
    assert signals.levels == {"stress": 0.5}


async def test_without_consent_nothing_is_explained(stage: Stage) -> None:
    stage.bind(ADA, *BOUND, consent=False)
    signals, context = await seen(stage.plugin(), "🙏")
    assert signals is not None
    assert context is None


@pytest.mark.parametrize(
    ("gateway", "own", "of_key", "found", "told"),
    [
        ("enforce", None, None, True, True),
        ("shadow", None, None, True, False),
        ("off", None, None, False, False),
        ("shadow", "enforce", None, True, True),
        ("enforce", "shadow", None, True, False),
        ("enforce", None, "shadow", True, False),
        ("enforce", None, "off", False, False),
        ("shadow", None, "enforce", True, True),
    ],
)
async def test_the_line_goes_out_where_the_mode_is_to_enforce(
    stage: Stage, gateway: str, own: str | None, of_key: str | None, found: bool, told: bool
) -> None:
    stage.bind(ADA, *BOUND)
    signals, context = await seen(stage.plugin(gateway, mode=own), "🙏", mode=of_key)
    assert (signals is not None, context is not None) == (found, told)


async def test_changed_symbols_are_opened_again_and_removed_ones_mean_nothing(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    plugin = stage.plugin()
    await seen(plugin, "🙏")
    stage.bind(ADA, Symbol("🙏", "reject"), stamp=2)
    signals, _ = await seen(plugin, "🙏")
    assert signals is not None
    assert signals.levels == {"stress": 0.5}
    del stage.stamps[ADA]
    assert await seen(plugin, "🙏") == (None, None)


async def test_what_is_known_is_not_read_again(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    plugin = stage.plugin()
    before = await seen(plugin, "🙏")
    stage.state.symbols.remove(stage.keyring.person(ADA).pseudonym)
    assert await seen(plugin, "🙏") == before
    # Nothing to wait for: the coroutine ends at its first step.
    with pytest.raises(StopIteration):
        plugin.observe(an_exchange("🙏", caller=a_caller(principal=ADA))).send(None)


def remembered(plugin: OwnSymbols) -> list[str]:
    return list(plugin._opened)


async def until(reached: Callable[[], bool]) -> None:
    for _ in range(500):
        if reached():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


@pytest.mark.parametrize("what", ["removed", "changed", "old"])
async def test_they_are_forgotten_though_nobody_calls(stage: Stage, what: str) -> None:
    for principal in (ADA, BOB):
        stage.bind(principal, *BOUND)
    plugin = stage.plugin(seconds=60)
    await seen(plugin, "🙏")
    stage.now = 30.0
    await seen(plugin, "🙏", BOB)
    if what == "removed":
        del stage.stamps[ADA]
    elif what == "changed":
        stage.stamps[ADA] = 2
    else:
        stage.now = 60.0
    await until(lambda: remembered(plugin) == [BOB])
    stage.stamps.clear()
    await until(lambda: remembered(plugin) == [])


async def test_who_was_erased_means_nothing_by_them(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    stage.keyring.erase(ADA)
    assert await seen(stage.plugin(), "🙏") == (None, None)


async def test_only_so_many_people_are_remembered(stage: Stage) -> None:
    plugin = stage.plugin(people=2)
    for number in range(3):
        stage.bind(f"key:{number}", *BOUND)
        await seen(plugin, "🙏", f"key:{number}")
    assert remembered(plugin) == ["key:1", "key:2"]


async def test_what_cannot_be_opened_means_nothing_and_is_tried_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    pseudonym = stage.keyring.person(ADA).pseudonym
    stage.state.symbols.put(Symbols(pseudonym, b"damaged", True, NOW))
    stage.stamps[ADA] = 1
    plugin = stage.plugin()
    with caplog.at_level(logging.WARNING):
        assert await seen(plugin, "🙏") == (None, None)
    assert "The symbols of a caller cannot be read" in caplog.text
    assert ADA not in caplog.text
    stage.bind(ADA, *BOUND)
    stage.now = room.TRY_AGAIN_SECONDS
    await until(lambda: remembered(plugin) == [])
    signals, _ = await seen(plugin, "🙏")
    assert signals is not None


async def test_where_nothing_is_kept_nothing_is_meant(tmp_path: Path) -> None:
    plugin = OwnSymbols(OwnSymbols.Settings())
    plugin.startup(started(tmp_path))
    assert await seen(plugin, "🙏") == (None, None)
    plugin.shutdown()


def signs(text: str, *bound: str) -> Sequence[str]:
    ordered = sorted(bound, key=len, reverse=True)
    return [each.symbol for each in used_in(text, [Symbol(sign, "affirm") for sign in ordered])]


def test_a_word_is_found_as_a_word_alone() -> None:
    assert signs("ok?", "ok") == ["ok"]
    assert signs("look, a book", "ok") == []
    assert signs("look: ok", "ok") == ["ok"]
    assert signs(":)ok", "ok", ":)") == ["ok", ":)"]


def test_a_sign_within_a_longer_one_is_none() -> None:
    assert signs("well :-))", ":-)", ":-))") == [":-))"]
    assert signs("well :-)) :-)", ":-)", ":-))") == [":-))", ":-)"]


def test_a_part_of_a_joined_emoji_is_none() -> None:
    assert signs("👩\u200d💻", "👩", "💻") == []
    assert signs("👩\u200d💻", "👩\u200d💻", "👩") == ["👩\u200d💻"]


def test_keyboards_that_say_how_a_sign_looks_make_no_other_sign() -> None:
    assert signs("I ❤\ufe0f it", "❤") == ["❤"]
    assert signs("I ❤ it", "❤\ufe0f") == ["❤\ufe0f"]
    assert signs("anything", "\ufe0f") == []


def test_signs_beside_each_other_and_with_a_colour_are_found() -> None:
    assert signs("🙏👍🏽", "🙏", "👍") == ["🙏", "👍"]


def test_signs_in_a_hostile_prompt_are_found_or_not_as_in_any_other() -> None:
    many = [Symbol("a" * length, "affirm") for length in range(32, 0, -1)]
    assert used_in("a" * 4096, many) == []
    assert [each.symbol for each in used_in("🙏" * 4096, [Symbol("🙏", "affirm")])] == ["🙏"]


async def test_of_a_long_turn_both_ends_are_read(stage: Stage) -> None:
    stage.bind(ADA, *BOUND)
    plugin = stage.plugin(read_characters=100)
    filler = "word " * 100
    assert await seen(plugin, f"{filler} 🙏 {filler}") == (None, None)
    for text in (f"🙏 {filler}", f"{filler} 🙏"):
        signals, _ = await seen(plugin, text)
        assert signals is not None


def test_the_explanation_is_one_line_whatever_a_sign_is_made_of() -> None:
    line = explained([Symbol('a\n"b"\u2028\x1b[2J', "ground"), Symbol("👩\u200d💻", "affirm")])
    assert len(line.splitlines()) == 1
    assert r'"a \"b\" [2J" means ground' in line
    assert "👩\u200d💻" in line


def test_the_plugin_passes_the_kit(stage: Stage) -> None:
    stage.bind("key:test", *BOUND, Symbol("e", "ground"))
    plugin_kit(stage.plugin()).check()
