"""`GET /ops/retention`: what the last run of the retention took away, or why it waits."""

from collections.abc import Callable

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Refusal
from gateway.office.audit.sight import READ
from gateway.office.refusing import Refused
from gateway.office.retention import Report
from gateway.settings import Retention as Days
from identity.caller import Caller


class Told(msgspec.Struct, frozen=True):
    """The limits of the settings, and the last run since the office started; None where there was none yet."""

    limits: Days
    last: Report | None


def retention_route(days: Days, last: Callable[[], Report | None]) -> HTTPRouteHandler:
    """Gives the handler."""

    @get("/ops/retention", tags=["operations"])
    async def ops_retention(caller: NamedDependency[Caller]) -> Told:
        """Says what the retention took away last, and what was too old then; needs `audit:read`."""
        if not caller.may(READ):
            raise Refused(Refusal(f"This needs the permission {READ}.", code="not_allowed"))
        return Told(days, last())

    return ops_retention
