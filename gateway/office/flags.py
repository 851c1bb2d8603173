"""`/admin/flags`: what each flag says and who said so, and setting one for all workers while the gateway runs."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter

from gateway.answers import Refusal
from gateway.flags import KNOWN_FLAGS, FlagError, Flags, value_of, written_value
from gateway.office.feedback.routes import done
from gateway.office.refusing import Refused
from gateway.writable import written
from identity.caller import Caller
from storage.state.records import FlagOverride
from storage.state.state import State

FLAGS = "admin:flags"


class FlagShown(msgspec.Struct, frozen=True):
    """What a flag says, and who said it: an override, the environment, the settings, or nobody."""

    value: str
    source: str


class FlagsShown(msgspec.Struct, frozen=True):
    """All flags by name."""

    flags: dict[str, FlagShown]


def flag_routes(
    state: State,
    flags: Callable[[], Flags],
    asker: Callable[[Caller], str],
    append: Callable[[bytes], None],
    push: Callable[[], object],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers.

    `flags` gives what holds at this moment; `asker` names a caller as events do; `append` puts an event into the
    office's journal; `push` tells the workers.
    """
    one_at_a_time = asyncio.Lock()

    def put_all(caller: Caller, said: dict[str, str]) -> FlagsShown:
        by, at = asker(caller), now()
        for name, value in said.items():
            append(written({"event": "flag", "at": at, "name": name, "value": value, "by": by}))
            state.flag_overrides.put(FlagOverride(name, value, at, by))
        push()
        return shown(flags())

    def remove_all(caller: Caller, names: Sequence[str]) -> FlagsShown:
        by, at = asker(caller), now()
        held = {override.name for override in state.flag_overrides.every()}
        for name in (each for each in names if each in held):
            append(written({"event": "flag", "at": at, "name": name, "value": None, "by": by}))
            state.flag_overrides.remove(name)
        push()
        return shown(flags())

    @get("/admin/flags", tags=["admin"])
    async def admin_flags(caller: NamedDependency[Caller]) -> FlagsShown:
        """Gives what each flag says and who said so; needs `admin:flags`."""
        _permit(caller)
        return shown(flags())

    @put("/admin/flags", tags=["admin"])
    async def admin_flags_put(caller: NamedDependency[Caller], data: JSONBody[dict[str, bool | str]]) -> FlagsShown:
        """Sets flags for all workers, by name: on, off, or a share of the callers such as 25%; needs `admin:flags`."""
        _permit(caller)
        said = {_known(name): _understood(name, value) for name, value in data.items()}
        async with one_at_a_time:
            return await done(lambda: put_all(caller, said))

    @delete("/admin/flags", tags=["admin"], status_code=200)
    async def admin_flags_delete(
        caller: NamedDependency[Caller],
        name: Annotated[str | None, QueryParameter(description="The flag; without it, all that were set.")] = None,
    ) -> FlagsShown:
        """Lets flags go back to what environment and settings say; needs `admin:flags`."""
        _permit(caller)
        names = KNOWN_FLAGS if name is None else (_known(name),)
        async with one_at_a_time:
            return await done(lambda: remove_all(caller, names))

    return [admin_flags, admin_flags_put, admin_flags_delete]


def shown(flags: Flags) -> FlagsShown:
    """Gives what stands in the answer."""
    return FlagsShown({name: FlagShown(written_value(each.value), each.source) for name, each in flags.every().items()})


def _known(name: str) -> str:
    if name not in KNOWN_FLAGS:
        raise Refused(
            Refusal(
                f"There is no flag {name!r}; there are {', '.join(KNOWN_FLAGS)}.", "unknown_flag", 400, param="name"
            )
        )
    return name


def _understood(name: str, said: bool | str) -> str:
    try:
        return written_value(value_of(name, said))
    except FlagError as error:
        raise Refused(Refusal(f"{name}: {error}", code="invalid_flag", status=400, param=name)) from None


def _permit(caller: Caller) -> None:
    if not caller.may(FLAGS):
        raise Refused(Refusal(f"This needs the permission {FLAGS}.", code="not_allowed"))
