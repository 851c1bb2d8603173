"""The settings of a gateway: their sections, keys, types and defaults."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from policies.document import Lines, Size

Mode: TypeAlias = Literal["off", "shadow", "enforce"]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Workers: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=256)]
Port: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Origin: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^(\*|https?://[a-z0-9.:\[\]-]+)$")]
SHIPPED_CHAIN: tuple[str, ...] = (
    "sign_in",
    "tier_check",
    "signals",
    "symbols",
    "modulation",
    "tool_governance",
    "retrieval",
    "scheduler",
    "browser",
    "code_exec",
    "usage",
    "log",
)


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts of the settings have in common: frozen, and no key that nobody knows."""


class Server(_Section, frozen=True):
    """Where the gateway listens and what it takes; sizes in bytes, times in seconds.

    `cors_origins` are those whose pages may ask the model API from a browser: `https://app.example`, or `*` for any.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Workers = 1
    bare_paths: bool = False
    max_header_bytes: Size = Size(64 << 10)
    max_json_bytes: Size = Size(50 << 20)
    max_body_bytes: Size = Size(1 << 30)
    max_message_bytes: Size = Size(16 << 20)
    max_concurrent: Positive = 4096
    header_timeout: Seconds = 30.0
    body_timeout: Seconds = 60.0
    write_timeout: Seconds = 60.0
    keep_alive_timeout: Seconds = 75.0
    drain_timeout: Seconds = 30.0
    cors_origins: tuple[Origin, ...] = ()


class Upstream(_Section, frozen=True):
    """The model server; times in seconds, sizes in bytes. `total_timeout` of null means no limit."""

    url: str = "https://api.openai.com/v1"
    api_key: str | None = None
    connect_timeout: Seconds = 5.0
    first_byte_timeout: Seconds = 600.0
    between_chunks_timeout: Seconds = 300.0
    total_timeout: Seconds | None = 3600.0
    max_reply_bytes: Size = Size(2 << 30)
    max_header_bytes: Size = Size(256 << 10)
    max_connections: Positive = 4096
    proxy: str | None = None
    ca_file: str | None = None


class Key(_Section, frozen=True):
    """A gateway key of the settings file; `models` absent: all that the tier carries.

    `owner` names its callers in records; keys of one owner are one caller. Without it the name is made from the key.
    `tools` are the hosted tools that its requests are offered without asking for them.
    """

    key: str
    owner: str | None = None
    tier: str = "T2"
    models: tuple[str, ...] | None = None
    permissions: tuple[str, ...] = ()
    mode: Mode | None = None
    tools: tuple[str, ...] = ()


class Auth(_Section, frozen=True):
    """Who may call. `passthrough` of null: on when bound to loopback, off otherwise."""

    passthrough: bool | None = None
    keys: tuple[Key, ...] = ()


class Admin(_Section, frozen=True):
    """`listen` (host:port) moves everything that is not /v1 and health to an address of its own."""

    listen: str | None = None


class Audit(_Section, frozen=True):
    """How exchanges are recorded.

    `bodies` says of which exchanges the bodies are kept, redacted and encrypted; at most `max_body_bytes` of each.
    """

    durability: Literal["async", "flush", "fsync"] = "flush"
    on_failure: Literal["refuse", "carry_on"] = "refuse"
    bodies: Literal["off", "refused", "all"] = "off"
    max_body_bytes: Size = Size(256 << 10)


class Retention(_Section, frozen=True):
    """After how many days records, bodies and feedback are taken away; bodies never outlive their records."""

    events_days: Positive = 30
    bodies_days: Positive = 30
    feedback_days: Positive = 30


class Policies(_Section, frozen=True):
    """`folder` is laid file by file over the shipped policies."""

    folder: str | None = None


class Storage(_Section, frozen=True):
    """Where things are kept; `data` is the folder of the embedded stores.

    `archive_after_days` is how old a day is, UTC, when it moves from the warehouse's file to Parquet. `state_url` of
    null keeps state in the data folder, `postgresql://...` in that database.
    """

    data: str = "./.lukhas"
    archive_after_days: Positive = 7
    state_url: str | None = None
    memory_url: str | None = None
    counters_url: str | None = None
    archive_url: str | None = None


class AcceptedGap(_Section, frozen=True):
    """Endpoints (name patterns) on which the operator accepts that security hooks are not asked, and why."""

    endpoints: str
    hooks: tuple[str, ...]
    reason: Annotated[str, msgspec.Meta(min_length=8)]


class Coverage(_Section, frozen=True):
    """The gaps in the coverage of security hooks that are accepted; any other stops the start."""

    accepted_gaps: tuple[AcceptedGap, ...] = ()


class Settings(_Section, frozen=True):
    """All of it. `plugins` holds the settings of each plugin by its name, read by the plugin's own types."""

    server: Server = Server()
    upstream: Upstream = Upstream()
    auth: Auth = Auth()
    admin: Admin = Admin()
    mode: Mode = "shadow"
    audit: Audit = Audit()
    retention: Retention = Retention()
    chain: tuple[str, ...] = ("default",)
    policies: Policies = Policies()
    plugins: dict[str, dict[str, Any]] = {}
    storage: Storage = Storage()
    flags: dict[str, bool | str] = {}
    coverage: Coverage = Coverage()

    @property
    def passthrough(self) -> bool:
        """Whether a caller may come with an upstream key of their own."""
        return is_loopback(self.server.host) if self.auth.passthrough is None else self.auth.passthrough


class Loaded(msgspec.Struct, frozen=True):
    """Settings with the file that they came from (None: there was none), and the line of each of its keys."""

    settings: Settings
    file: Path | None
    lines: Lines = {}

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the settings start from."""
        return self.file.parent if self.file else Path.cwd()


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
