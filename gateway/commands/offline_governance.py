"""Shows for `lukhas smoke` that a call which nobody allowed is blocked, recorded, and followed by a tightening."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from gateway.app import Gateway
from gateway.commands.running import running
from gateway.loader import load_chain
from gateway.settings import Key, Loaded
from gateway.settings import Upstream as UpstreamSettings
from gateway.transport import OutgoingRequest
from gateway.transport.limits import Limits
from gateway.transport.pool import ConnectionPool
from gateway.worker import Worker
from policies.tiers import load_tiers
from policies.tightening import TighteningRule
from policies.tools import FILE, load_tool_rules

PLUGIN = "tool_governance"
LOG = "log"
OWNER = "smoke"
KEY = "lk-smoke-offline-governance"
AT_ONCE = TighteningRule("smoke", 1, 60, 60)
LARGEST_REPLY = 1 << 20
_SIMULATE = "import sys; from gateway.simulator import run; run('', 0, int(sys.argv[1]))"
_BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello\\n!tool nobody_offered_this {}"}]}'


class OfflineGovernance(msgspec.Struct, frozen=True):
    """How many incidents one blocked call made, and whether its caller was tightened: strict, the tool withheld."""

    incidents: int
    tightened: bool


def governs(loaded: Loaded) -> bool:
    """Whether the settings have tools governed. Errors: LoadError, DocumentError."""
    return PLUGIN in _names(loaded)


def offline_governance(loaded: Loaded, folder: Path) -> OfflineGovernance:
    """Carries one request through a gateway of these settings to a simulated model that calls what nobody offered.

    Nothing leaves the machine; `folder` takes what is written.
    """
    with _simulated() as url:
        apart = _apart(loaded, folder, url)
        return asyncio.run(_found(apart))


async def _found(loaded: Loaded) -> OfflineGovernance:
    gateway = Gateway(loaded, OWNER, os.environ)
    listener, started = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
    async with running(Worker(gateway, started.set), listener, started) as is_up:
        if is_up:
            await _asked(listener.getsockname()[1])
        withheld = gateway.pushed.standing(f"key:{OWNER}").withheld
        lines = gateway.journal.path.read_bytes().splitlines() if gateway.journal.path.exists() else []
    incidents = sum(line.startswith(b'{"event":"incident"') for line in lines)
    strict = any(line.startswith(b'{"event":"ended"') and b'"safety_mode":"strict"' in line for line in lines)
    return OfflineGovernance(incidents, strict and bool(withheld))


async def _asked(port: int) -> None:
    pool = ConnectionPool(f"http://127.0.0.1:{port}", Limits())
    headers = (
        (b"Host", b"localhost"),
        (b"Authorization", b"Bearer %b" % KEY.encode()),
        (b"Content-Type", b"application/json"),
    )
    try:
        reply = await pool.send(OutgoingRequest(b"POST", b"/v1/chat/completions", headers, _BODY))
        await reply.read(LARGEST_REPLY)
        reply.close()
    finally:
        await pool.aclose()


def _apart(loaded: Loaded, folder: Path, url: str) -> Loaded:
    """Gives the settings with a key, a folder and an upstream of their own, and a rule that tightens at once."""
    settings = loaded.settings
    own = Path(settings.policies.folder) if settings.policies.folder else None
    policies = folder / "policies"
    if own is not None:
        shutil.copytree(own, policies)
    policies.mkdir(parents=True, exist_ok=True)
    rules = msgspec.structs.replace(load_tool_rules(own), tightening=(AT_ONCE,))
    (policies / FILE).write_bytes(msgspec.json.encode(rules))
    key = Key(KEY, owner=OWNER, tier=load_tiers(own).order[-1])
    change = msgspec.structs.replace
    return change(
        loaded,
        settings=change(
            settings,
            auth=change(settings.auth, keys=(*settings.auth.keys, key)),
            plugins=_quiet(loaded),
            policies=change(settings.policies, folder=str(policies)),
            storage=change(settings.storage, data=str(folder / "data")),
            upstream=UpstreamSettings(url=f"{url}/v1", api_key="sk-simulated"),
        ),
    )


def _names(loaded: Loaded) -> tuple[str, ...]:
    return tuple(plugin.name for plugin in load_chain(loaded, lambda *_: None).plugins)


def _quiet(loaded: Loaded) -> dict[str, dict[str, Any]]:
    """Gives the settings of the plugins, with no log line among what the command prints."""
    plugins = loaded.settings.plugins
    return {**plugins, LOG: {**plugins.get(LOG, {}), "to": "nowhere"}} if LOG in _names(loaded) else plugins


@contextmanager
def _simulated() -> Iterator[str]:
    """Runs a simulator in a process of its own; requests wait in its socket's queue until it serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        with subprocess.Popen([sys.executable, "-P", "-c", _SIMULATE, str(fd)], pass_fds=[fd]) as process:  # noqa: S603
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                process.terminate()
