"""The settings of a gateway: a file, over it the environment, over it the flags of the command line."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from policies.document import DocumentError, Lines, Size, fault, lines_in, read_file

Mode: TypeAlias = Literal["off", "shadow", "enforce"]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Port: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=65535)]
DEFAULT_FILE = Path("lukhas.yaml")
SHIPPED_CHAIN: tuple[str, ...] = ("sign_in", "tier_check", "usage", "log")
NOT_BUILT: tuple[tuple[str, str], ...] = (
    ("audit", "durability"),
    ("audit", "bodies"),
    ("storage", "state_url"),
    ("storage", "memory_url"),
    ("storage", "counters_url"),
    ("storage", "archive_url"),
)
KNOWN_FLAGS: tuple[str, ...] = (
    "BROWSER_TOOL",
    "CODE_EXEC_TOOL",
    "STRICT_DEFAULT",
    "TOOL_ANALYTICS",
    "ADMIN_DASHBOARD",
    "OPS_PERF_INGEST",
    "DNA_DUAL_WRITE",
    "DNA_READ_SHADOW",
    "DNA_CUTOVER_READ_FROM",
    "DNA_ENCRYPT_PERSONAL",
)


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts of the settings have in common: frozen, and no key that nobody knows."""


class Server(_Section, frozen=True):
    """Where the gateway listens and what it takes; sizes in bytes, times in seconds."""

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Positive = 1
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
    """A gateway key of the settings file; `models` absent: all that the tier carries."""

    key: str
    owner: str = "settings"
    tier: str = "T2"
    models: tuple[str, ...] | None = None
    permissions: tuple[str, ...] = ()
    mode: Mode | None = None


class Auth(_Section, frozen=True):
    """Who may call. `passthrough` of null: on when bound to loopback, off otherwise."""

    passthrough: bool | None = None
    keys: tuple[Key, ...] = ()


class Admin(_Section, frozen=True):
    """`listen` (host:port) moves everything that is not /v1 and health to an address of its own."""

    listen: str | None = None


class Audit(_Section, frozen=True):
    """How exchanges are recorded."""

    durability: Literal["async", "flush", "fsync"] = "flush"
    on_failure: Literal["refuse", "carry_on"] = "refuse"
    bodies: Literal["off", "redacted"] = "off"


class Policies(_Section, frozen=True):
    """`folder` is laid file by file over the shipped policies."""

    folder: str | None = None


class Storage(_Section, frozen=True):
    """Where things are kept; `data` is the folder of the embedded stores."""

    data: str = "./.lukhas"
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


ENVIRONMENT: dict[str, tuple[str, str]] = {
    "OPENAI_API_KEY": ("upstream", "api_key"),
    "LUKHAS_UPSTREAM": ("upstream", "url"),
    "LUKHAS_HOST": ("server", "host"),
    "LUKHAS_PORT": ("server", "port"),
    "LUKHAS_DATA": ("storage", "data"),
}


def load_settings(
    file: str | None, environ: Mapping[str, str], flags: Mapping[tuple[str, str], Any] | None = None
) -> Loaded:
    """Gives the settings in force: flags over environment over file. Errors: DocumentError.

    `flags` are given by section and key. Without `file`, `LUKHAS_CONFIG` names it; without both,
    `lukhas.yaml` is read where there is one.
    """
    named = file or environ.get("LUKHAS_CONFIG")
    path = Path(named) if named else DEFAULT_FILE if DEFAULT_FILE.exists() else None
    settings = read_file(path, Settings) if path else Settings()
    lines = lines_in(path) if path else {}
    _check_flags(settings, str(path), lines)
    _check_built(settings, str(path), lines)
    for name, (section, key) in ENVIRONMENT.items():
        if environ.get(name):
            settings = _with(settings, section, key, environ[name], name)
    for (section, key), value in (flags or {}).items():
        if value is not None:
            settings = _with(settings, section, key, value, f"--{key}")
    _check_addresses(settings)
    return Loaded(settings, path, lines)


def _with(settings: Settings, section: str, key: str, value: Any, source: str) -> Settings:
    part = getattr(settings, section)
    kind = next(field.type for field in msgspec.structs.fields(part) if field.name == key)
    try:
        converted = msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise DocumentError(f"{source} ({section}.{key}): {error}.") from None
    return msgspec.structs.replace(settings, **{section: msgspec.structs.replace(part, **{key: converted})})


def _check_flags(settings: Settings, source: str, lines: Lines) -> None:
    for name in settings.flags:
        if name not in KNOWN_FLAGS:
            raise fault(source, lines, ("flags", name), f"unknown flag; known: {', '.join(KNOWN_FLAGS)}.")


def _check_built(settings: Settings, source: str, lines: Lines) -> None:
    """Refuses what would be a promise that nothing keeps yet."""
    default = Settings()
    for section, key in NOT_BUILT:
        value = getattr(getattr(settings, section), key)
        if value != getattr(getattr(default, section), key):
            raise fault(source, lines, (section, key), f"{value!r} is not built yet; leave the key out.")


def _check_addresses(settings: Settings) -> None:
    url = settings.upstream.url
    if not url.startswith(("http://", "https://")) or len(url.split("/")[2]) == 0:
        raise DocumentError(
            f"upstream.url: {url!r} is not an http or https address, such as https://api.openai.com/v1."
        )
