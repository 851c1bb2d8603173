"""Finds settings that have the right type and cannot be meant: the start would break on them, or nobody could call."""

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from gateway.hookspecs import EXCHANGE_HOOKS
from gateway.settings import Settings
from gateway.transport.origin import Origin
from policies.document import Place

Fault: TypeAlias = tuple[Place, str]
_HOST = re.compile(r"[A-Za-z0-9_.\-]+|[0-9A-Fa-f:.]+(%\w+)?")
DEFAULT_CHAIN = ("default",)
_KEY = re.compile(r"[\x21-\x7e]+")
_OWNER = re.compile(r"[\w.@+-]{1,64}")


def faults_of(settings: Settings) -> Iterator[Fault]:
    """Gives each place that cannot be meant, and why."""
    for look in (_server, _upstream, _keys, _places, _gaps):
        yield from look(settings)


def warnings_of(settings: Settings, environ: Mapping[str, str], *, simulated: bool = False) -> Iterator[str]:
    """Gives what can be meant and hardly is: a gateway that starts and turns everybody away.

    A `simulated` upstream takes any key.
    """
    if settings.chain != DEFAULT_CHAIN:
        return  # another plugin may know callers, or bring the key that pays
    keys = bool(settings.auth.keys or environ.get("LUKHAS_ADMIN_KEY"))
    if not keys and not settings.passthrough:
        yield (
            "Nobody can call this gateway: there are no auth.keys, and auth.passthrough is off, as it is by default "
            "where not only this machine can reach the gateway. Add keys, or switch it on."
        )
    if keys and settings.upstream.api_key is None and not simulated:
        yield (
            "Callers with a key of this gateway are answered with 503: there is no upstream key to pay with. "
            "Set OPENAI_API_KEY, or upstream.api_key in the settings."
        )


def _server(settings: Settings) -> Iterator[Fault]:
    server = settings.server
    if not _HOST.fullmatch(server.host):
        yield ("server", "host"), f"{server.host!r} is neither an address nor a host name."
    for key in ("max_header_bytes", "max_json_bytes", "max_body_bytes", "max_message_bytes"):
        if getattr(server, key) < 1024:
            yield ("server", key), "at least 1 KiB is needed for any request to pass."


def _upstream(settings: Settings) -> Iterator[Fault]:
    upstream = settings.upstream
    parts = _url_fault(upstream.url)
    if parts is not None:
        yield ("upstream", "url"), parts
    if upstream.proxy is not None and not _reads(lambda: Origin.of(upstream.proxy or "")):
        yield ("upstream", "proxy"), f"{_without_secret(upstream.proxy)!r} is not of the form http://host:port."
    if upstream.ca_file is not None:
        path = Path(upstream.ca_file)
        if not path.is_file():
            yield ("upstream", "ca_file"), f"there is no file {path}."
        elif not _reads(lambda: ssl.create_default_context(cafile=str(path))):
            yield ("upstream", "ca_file"), f"{path} holds no certificates in PEM form."
    if upstream.api_key is not None and not _KEY.fullmatch(upstream.api_key):
        yield ("upstream", "api_key"), "a key has no spaces, line ends or characters beyond ASCII."


def _url_fault(url: str) -> str | None:
    if not _reads(lambda: Origin.of(url)):
        return f"{_without_secret(url)!r} is not an http or https address, such as https://api.openai.com/v1."
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        return "the address must not hold a user or password; the key stands in upstream.api_key."
    if parts.query or parts.fragment:
        return "the address ends with its path; a query or fragment has no place in it."
    return None


def _without_secret(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", url)


def _keys(settings: Settings) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, key in enumerate(settings.auth.keys):
        if not _KEY.fullmatch(key.key):
            yield ("auth", "keys", number, "key"), "a key is at least one character of ASCII, without spaces."
        if key.key in seen:
            yield ("auth", "keys", number, "key"), "the same key stands above."
        if key.owner is not None and not _OWNER.fullmatch(key.owner):
            yield ("auth", "keys", number, "owner"), "an owner is 1 to 64 letters, digits, dots, @, +, - and _."
        seen.add(key.key)


def _places(settings: Settings) -> Iterator[Fault]:
    if not settings.storage.data:
        yield ("storage", "data"), "the data folder needs a name."
    state = settings.storage.state_url
    if state is not None and not state.startswith(("postgresql://", "postgres://")):
        yield ("storage", "state_url"), "it is not of the form postgresql://user:password@host:port/database."
    if not settings.chain:
        yield ("chain",), "an empty chain knows no caller, so every call is 401; `default` stands for the shipped one."
    if settings.policies.folder is not None and not Path(settings.policies.folder).is_dir():
        yield ("policies", "folder"), f"there is no folder {settings.policies.folder}."


def _gaps(settings: Settings) -> Iterator[Fault]:
    known = [hook.name for hook in EXCHANGE_HOOKS]
    for number, gap in enumerate(settings.coverage.accepted_gaps):
        for index, hook in enumerate(gap.hooks):
            if hook not in known:
                place: Place = ("coverage", "accepted_gaps", number, "hooks", index)
                yield place, f"unknown hook {hook!r}; known: {', '.join(known)}."


def _reads(read: Callable[[], object]) -> bool:
    try:
        read()
    except (ValueError, OSError):
        return False
    return True
