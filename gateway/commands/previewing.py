"""Previews a request for a command: under the settings, and what the data folder says of callers, flags and signals."""

import difflib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.people import keyring_of
from gateway.endpoints import Endpoint, EndpointTable
from gateway.exchange import Headers
from gateway.hookspecs import Startup
from gateway.json_body import BodyError
from gateway.levels_from_records import recent, state_after
from gateway.lifecycle import start_plugins, startup_of, stop_plugins
from gateway.live_flags import LiveFlags
from gateway.loader import Chain, load_chain
from gateway.office.audit.names import Names
from gateway.pipeline import Sizes
from gateway.preview import Previewed, Previews, Question, caller_of_key
from gateway.pushed import FILE as PUSHED
from gateway.pushed import Pushed, no_standing
from gateway.settings import Loaded, Mode, Settings
from gateway.tools.kept import Kept
from identity.caller import Caller
from identity.keyring import FILE as PEOPLE
from identity.keyring import Keyring
from policies.modulation import Policy, read_modulation
from policies.modulation.homeostasis import NEW
from policies.modulation.homeostasis import State as Held
from policies.modulation.policy import FILE as MODULATION
from policies.tiers import load_tiers
from storage.journal_tail import JournalTail
from storage.state.when_needed import StateWhenNeeded

STAND_IN = "key:explain"
"""The principal of a caller of whom nothing but the tier is known."""


class Assumed(msgspec.Struct, frozen=True):
    """What the person at the terminal says of the request's surroundings."""

    endpoint: Endpoint
    tier: str | None = None
    owner: str | None = None
    mode: Mode | None = None
    headers: Headers = ()
    signals: Mapping[str, float] = {}


class Answer(msgspec.Struct, frozen=True):
    """What would become of the request, and in sentences what was taken for granted."""

    previewed: Previewed
    assumed: Sequence[str]


class Surroundings(msgspec.Struct, frozen=True):
    """What the data folder says; without one, nothing."""

    data: Path
    keyring: Keyring | None
    pushed: Pushed | None


async def preview(loaded: Loaded, body: bytes, assumed: Assumed) -> Answer:
    """Decides about a request under these settings; nothing is sent and nothing stays behind. Errors: Failed."""
    settings = loaded.settings
    with surroundings(settings) as around:
        async with started(loaded, around) as (chain, startup):
            caller = await _caller(chain, settings, assumed)
            arrived = time_ns()
            state, heard = _heard_before(startup.policies.modulation, around, caller.principal)
            sizes = Sizes(settings.server.max_json_bytes, settings.server.max_body_bytes)
            question = Question(assumed.endpoint, body, caller, assumed.headers, assumed.signals, state, arrived)
            kept = _kept(settings, around)
            try:
                found = await Previews(chain, startup.homeostasis, sizes, startup.policies, kept).preview(question)
            except BodyError as error:
                raise Failed(str(error)) from None
            finally:
                if kept is not None:
                    kept.close()
    return Answer(found, tuple(_sentences(settings, assumed, around, heard)))


@asynccontextmanager
async def started(loaded: Loaded, around: Surroundings) -> AsyncIterator[tuple[Chain, Startup]]:
    """Gives the chain of the settings, started with what the data folder says, and what it started from."""
    flags = LiveFlags(loaded, os.environ)
    if around.pushed is not None:
        flags.catch_up(around.pushed.flags)
    chain = load_chain(loaded, lambda *_: None)
    standing = around.pushed.standing if around.pushed else no_standing
    startup = startup_of(
        loaded,
        around.data,
        os.environ,
        flags=flags.flags,
        standing=standing,
        tools=chain.tools,
        people=around.keyring,
    )
    await start_plugins(chain, startup)
    try:
        yield chain, startup
    finally:
        await stop_plugins(chain)


async def _caller(chain: Chain, settings: Settings, assumed: Assumed) -> Caller:
    """Gives the caller who is assumed. Errors: BadParameter."""
    if assumed.owner is None:
        caller: Caller | None = Caller(STAND_IN, assumed.tier or "T2", "gateway_key", "operator")
    else:
        caller = await caller_of_key(chain, settings, assumed.owner)
    if caller is None:
        owners = ", ".join(sorted({key.owner for key in settings.auth.keys if key.owner})) or "none"
        what = f"no key of the settings has the owner {assumed.owner!r}; there are {owners}."
        raise click.BadParameter(what, param_hint="--key-owner")
    tier, mode = assumed.tier or caller.tier, assumed.mode or caller.mode
    return msgspec.structs.replace(caller, tier=tier, mode=mode)


@contextmanager
def surroundings(settings: Settings) -> Iterator[Surroundings]:
    """Gives what the data folder says; where the gateway has never run, a folder that goes away again."""
    data = Path(settings.storage.data)
    with ExitStack() as stack:
        if not data.is_dir():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lukhas-explain-"))
            yield Surroundings(Path(folder), None, None)
            return
        if not (data / "keys" / PEOPLE).is_file():
            yield Surroundings(data, None, None)
            return
        keyring = stack.enter_context(keyring_of(data))
        pushed = Pushed(data / PUSHED, keyring.pseudonym_of)
        pushed.catch_up()
        yield Surroundings(data, keyring, pushed)


@contextmanager
def with_policy(loaded: Loaded, file: Path) -> Iterator[Loaded]:
    """Gives settings in which this file is the modulation policy. Errors: DocumentError."""
    read_modulation(file)
    settings = loaded.settings
    with tempfile.TemporaryDirectory(prefix="lukhas-policy-") as folder:
        if settings.policies.folder is not None:
            shutil.copytree(settings.policies.folder, folder, dirs_exist_ok=True)
        shutil.copyfile(file, Path(folder) / MODULATION)
        policies = msgspec.structs.replace(settings.policies, folder=folder)
        yield msgspec.structs.replace(loaded, settings=msgspec.structs.replace(settings, policies=policies))


def endpoint_named(table: EndpointTable, name: str) -> Endpoint:
    """Gives the endpoint of a name that takes a JSON body. Errors: BadParameter."""
    named = [each for each in table.endpoints if each.name == name and "json" in each.request]
    if not named:
        known = sorted({each.name for each in table.endpoints if "json" in each.request})
        close = difflib.get_close_matches(name, known, 3) or known[:3]
        raise click.BadParameter(
            f"no endpoint {name!r} takes a JSON body; there are {', '.join(close)}.", param_hint="--endpoint"
        )
    return named[0]


def check_tier(settings: Settings, tier: str | None) -> None:
    """Looks whether there is such a tier. Errors: BadParameter."""
    known = load_tiers(Path(settings.policies.folder) if settings.policies.folder else None)
    if tier is not None and not known.knows(tier):
        raise click.BadParameter(f"unknown tier {tier!r}; known: {', '.join(known.order)}.", param_hint="--tier")


def _kept(settings: Settings, around: Surroundings) -> Kept | None:
    """Gives what tools gave and waits for the next requests of clients; None where no gateway has run."""
    if around.keyring is None:
        return None
    return Kept(StateWhenNeeded(around.data, settings.storage.state_url), around.keyring)


def _heard_before(policy: Policy, around: Surroundings, principal: str) -> tuple[Held, int]:
    if around.keyring is None or principal == STAND_IN:
        return NEW, 0
    heard = recent(JournalTail(around.data / "journal"), Names(around.keyring).recorded(principal), datetime.now(UTC))
    return state_after(policy, heard), len(heard)


def _sentences(settings: Settings, assumed: Assumed, around: Surroundings, heard: int) -> Iterator[str]:
    if assumed.owner is None:
        tier = assumed.tier or "T2"
        yield f"The caller is nobody in particular, of tier {tier}; --key-owner names one of the settings."
    yield (
        f"The mode is {assumed.mode}."
        if assumed.mode
        else (
            f"The mode is that of the key, of the plugin, or {settings.mode} of the settings; --mode assumes another."
        )
    )
    if heard:
        yield f"Held levels follow from the caller's {heard} exchanges of the last minute."
    else:
        yield "No level is held from earlier exchanges."
    if around.pushed is None:
        yield "Flags are those of settings and environment; there are no ratings, locks or withheld tools."
    else:
        yield f"Flags, ratings, locks and withheld tools are as the gateway of {around.data} told them last."
    yield "What workers remember of earlier texts (novelty, refusals, load) is not known here; --url asks one of them."
    if assumed.signals:
        yield "Assumed signals raise what is found, and lower nothing."
