"""`lukhas policy replay`: what another policy would have made of recorded exchanges."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.body_parts import Parts
from gateway.commands.failing import Failed
from gateway.commands.options import common, journal_folder, json_option, settings_in_force
from gateway.commands.previewing import started, surroundings, with_policy
from gateway.commands.printing import print_json
from gateway.commands.progress import progress, waiting
from gateway.commands.replay_printing import print_replay
from gateway.endpoints import load_endpoints
from gateway.hookspecs import Hooks
from gateway.loader import Chain, chain_names
from gateway.office.audit.names import Names
from gateway.replay import Policed, Recorded, Replayed, Tally, body_of, in_order, recorded
from gateway.settings import Loaded
from identity.keyring import Keyring
from policies.modulation import read_modulation
from storage.bodies import BodyError, BodyEvent, is_bodies_writer, opened_body
from storage.bundles import Search
from storage.journal_records import bytes_of, records
from storage.segments import SegmentError, SegmentReader, segments_of, writers

MODULATION = "modulation"
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST_KEPT_BYTES = 256 << 20
"""Of sealed bodies; what does not fit is taken from the recorded parameters."""


@click.command("replay")
@common
@click.option("--since", default="24h", show_default=True, metavar="TIME", help="24h, 7d, or a time (RFC 3339).")
@click.option("--until", metavar="TIME", help="Exchanges that began before this time.")
@click.option("--caller", metavar="PRINCIPAL", help="Exchanges of this caller alone.")
@click.option(
    "--policy", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The modulation policy to try."
)
@json_option
def replay_command(
    config: str | None,
    data: str | None,
    since: str,
    until: str | None,
    caller: str | None,
    policy: Path,
    as_json: bool,
) -> None:
    """Says what would have changed on recorded exchanges, had another policy been in force.

    Both policies are asked anew, as if the mode were enforce. Nothing is sent and nothing is written. A gateway may be
    serving meanwhile.

    \b
    Example:
      lukhas policy replay --since 24h --policy new.yaml
    """
    loaded = settings_in_force(config, data)
    folder = journal_folder(config, data)
    now = datetime.now(UTC)
    begin, end = moment_of("--since", since, now), moment_of("--until", until, now) if until else None
    read_modulation(policy)
    found = asyncio.run(_replayed(loaded, folder, policy, Search(begin, end, caller)))
    if as_json:
        print_json({"since": begin, "until": end, "policy": str(policy), **msgspec.to_builtins(found)})
    else:
        print_replay(found, begin, str(policy))


def moment_of(option: str, text: str, now: datetime) -> datetime:
    """Gives the moment that a span back from now, or a time, says. Errors: BadParameter."""
    span = _SPAN.fullmatch(text)
    try:
        if span is not None:
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.BadParameter("it is written as 24h, 7d, or 2026-11-01T12:00:00Z.", param_hint=option) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _replayed(loaded: Loaded, folder: Path, policy: Path, search: Search) -> Replayed:
    with ExitStack() as stack:
        around = stack.enter_context(surroundings(loaded.settings))
        if around.keyring is None:
            raise Failed(f"There is no keyring in {folder}, so that nobody's exchanges can be told apart.")
        names = Names(around.keyring)
        now, then = _alone(loaded), _alone(stack.enter_context(with_policy(loaded, policy)))
        journal = folder / "journal"
        search = names.searched(search)
        with progress("journal", bytes_of(journal, search)) as told:
            lines = records(journal, search, progress=told)
            found = in_order(each for line in lines if (each := recorded(line)) is not None)
        async with started(now, around) as (before, startup), started(then, around) as (after, _):
            with waiting("deciding again"):
                bodies = _bodies(journal, around.keyring, found)
                return await _compared(found, names, bodies, before, after, startup.policies.revision)


async def _compared(
    found: list[Recorded],
    names: Names,
    bodies: Mapping[str, Mapping[str, Any]],
    before: Chain,
    after: Chain,
    revision: str,
) -> Replayed:
    policies = [Policed(chain.of(Hooks.shape)[0]) for chain in (before, after)]
    endpoints = {(each.name, each.method): each for each in load_endpoints().endpoints}
    tally = Tally(revision)
    for each in found:
        endpoint = endpoints.get((each.endpoint, each.method))
        if endpoint is None or not each.was_modulated or each.caller is None:
            tally.leave_out()
            continue
        asked, basis = body_of(each, bodies.get(each.audit_id))
        principal = names.of_person(each.caller)
        outcomes = [await policy.outcome(each, endpoint, principal, asked) for policy in policies]
        tally.add(each, basis, *outcomes)
    return tally.result()


def _alone(loaded: Loaded) -> Loaded:
    """Gives settings whose chain has the plugin that asks the policy, and no other. Errors: Failed."""
    for entry in chain_names(loaded.settings.chain):
        if Path(entry).stem == MODULATION:
            own = {name: part for name, part in loaded.settings.plugins.items() if name == MODULATION}
            settings = msgspec.structs.replace(loaded.settings, chain=(entry,), plugins=own)
            return msgspec.structs.replace(loaded, settings=settings)
    raise Failed(f"The chain of the settings has no plugin {MODULATION}, so that no policy is asked.")


def _bodies(journal: Path, keyring: Keyring, found: list[Recorded]) -> dict[str, Mapping[str, Any]]:
    """Gives the members of the requests of these exchanges whose bodies are kept, texts left out."""
    wanted = {each.audit_id for each in found}
    kept: dict[str, Mapping[str, Any]] = {}
    room = MOST_KEPT_BYTES
    for event in _body_events(journal) if wanted else ():
        room -= len(event.sealed)
        if room < 0:
            break
        if event.audit_id in wanted:
            members = _members(event, keyring)
            if members is not None:
                kept[event.audit_id] = members
    return kept


def _body_events(journal: Path) -> Iterator[BodyEvent]:
    for writer in filter(is_bodies_writer, writers(journal)):
        for segment in segments_of(journal / writer):
            try:
                for line in SegmentReader(segment):
                    if line.text.startswith(b'{"event":"body"'):
                        yield msgspec.json.decode(line.text, type=BodyEvent)
            except (SegmentError, FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
                continue


def _members(event: BodyEvent, keyring: Keyring) -> Mapping[str, Any] | None:
    key = keyring.key_of(event.caller)
    if key is None:
        return None
    try:
        part = msgspec.json.decode(opened_body(event, key), type=Parts).request
    except (BodyError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if part is None or part.cut or not isinstance(part.json, dict):
        return None
    return {name: value for name, value in part.json.items() if name not in ("messages", "input", "instructions")}
