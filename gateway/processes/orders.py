"""What the supervisor tells a child: settings and sockets. No secret stands on a command line, so it goes by a pipe."""

from typing import IO, Any, Literal

import msgspec

from gateway.configuration import load_settings
from gateway.settings import Loaded

Role = Literal["worker", "office", "simulator"]


class Flag(msgspec.Struct, frozen=True):
    """One setting of the command line, which goes over the file and the environment."""

    section: str
    key: str
    value: Any


class Orders(msgspec.Struct, frozen=True):
    """The lot of one child.

    `writer` names its part of the journal; `listen` and `admin` are inherited sockets
    by number, `reports` the pipe to the supervisor. `office` is the socket where the office listens, `accepted` the
    file of passed-through keys that the upstream accepted. `office_inside` says that the worker is the office as
    well. `restarts` says how often a child at this post has ended before.
    """

    role: Role
    writer: str
    reports: int
    office: str
    accepted: str
    config: str | None = None
    flags: tuple[Flag, ...] = ()
    listen: int | None = None
    admin: int | None = None
    office_inside: bool = False
    restarts: int = 0

    def settings(self, environ: Any) -> Loaded:
        """Reads the settings as the supervisor did. Errors: DocumentError."""
        return load_settings(self.config, environ, {(flag.section, flag.key): flag.value for flag in self.flags})


def written(orders: Orders) -> bytes:
    """Gives the orders as one line."""
    return msgspec.json.encode(orders) + b"\n"


def read(source: IO[bytes]) -> Orders:
    """Takes the orders from a pipe; what follows on it is silence until the supervisor is gone."""
    return msgspec.json.decode(source.readline(), type=Orders)
