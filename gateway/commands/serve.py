"""`lukhas serve`: starts the gateway and prints how to use it."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.options import common, settings_in_force
from gateway.commands.welcome import welcome
from gateway.exposition import SHARED_FOLDER, forget
from gateway.live_policies import unread_in
from gateway.processes.listening import address, listening, make_room_for, url_of
from gateway.processes.orders import Flag, Orders
from gateway.processes.run_folder import RunFolder
from gateway.processes.supervisor import Patience, Supervisor
from gateway.settings import Settings
from gateway.soundness import warnings_of

SIMULATED_KEY = "sk-simulated"
LOG_LEVELS = ("debug", "info", "warning", "error")


@click.command("serve")
@common
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.  [default: 8000]")
@click.option("--workers", type=click.IntRange(1), help="How many processes answer /v1.  [default: 1]")
@click.option("--upstream", metavar="URL", help="The model server.  [default: https://api.openai.com/v1]")
@click.option("--simulate", is_flag=True, help="Start a simulated model server, and use it as the upstream.")
@click.option("--one-process", is_flag=True, help="Worker and office in one process, for tests.")
def command(
    config: str | None,
    data: str | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    upstream: str | None,
    simulate: bool,
    one_process: bool,
) -> None:
    """Starts the gateway.

    \b
    Examples:
      lukhas serve
      lukhas serve --simulate --port 0
      lukhas serve --config lukhas.yaml --workers 2
    """
    level = os.environ.get("LUKHAS_LOG_LEVEL") or "warning"
    if level.lower() not in LOG_LEVELS:
        raise Failed(f"LUKHAS_LOG_LEVEL: {level!r} is no level; there are {', '.join(LOG_LEVELS)}.")
    flags: dict[tuple[str, str], Any] = {
        ("server", "host"): host,
        ("server", "port"): port,
        ("server", "workers"): 1 if one_process else workers,
        ("upstream", "url"): upstream,
        ("storage", "data"): data,
    }
    with ExitStack() as stack:
        simulator = stack.enter_context(listening("127.0.0.1", 0)) if simulate else None
        if simulator is not None:
            flags["upstream", "url"] = f"{url_of(simulator)}/v1"
        loaded = settings_in_force(config, data, flags)
        settings = loaded.settings
        if simulator is not None and settings.upstream.api_key is None:
            flags["upstream", "api_key"] = SIMULATED_KEY
        listener = stack.enter_context(listening(settings.server.host, settings.server.port))
        admin = _admin_listener(settings)
        if admin is not None:
            stack.enter_context(admin)
        folder = RunFolder(Path(settings.storage.data), os.getpid())
        stack.callback(folder.close)
        orders = Orders(
            role="worker",
            writer="office",
            reports=-1,
            office=str(folder.office),
            accepted=str(folder.accepted),
            config=config,
            flags=tuple(Flag(*key, value) for key, value in flags.items() if value is not None),
            listen=listener.fileno(),
            admin=None if admin is None else admin.fileno(),
            office_inside=one_process,
        )
        supervisor = Supervisor(
            [*_gateway(orders, settings.server.workers), *_simulator(orders, simulator)],
            [each for each in (listener, admin, simulator) if each is not None],
            dict(os.environ) if one_process else {**os.environ, SHARED_FOLDER: str(folder.metrics)},
            Patience(drain=settings.server.drain_timeout),
            say=lambda sentence: click.echo(sentence, err=True),
            ended=lambda pid: forget(pid, str(folder.metrics)),
        )
        warning = make_room_for(settings.server.max_concurrent + settings.upstream.max_connections)
        warnings = (*warnings_of(settings, os.environ, simulated=simulate), *unread_in(loaded))
        for each in (*((warning,) if warning else ()), *warnings):
            click.echo(each, err=True)
        text = welcome(settings, url_of(listener), url_of(simulator) if simulator else None)
        supervisor.run(ready=lambda: click.echo(text))


def _admin_listener(settings: Settings) -> socket.socket | None:
    if settings.admin.listen is None:
        return None
    return listening(*address(settings.admin.listen), option="admin.listen in the settings")


def _gateway(orders: Orders, workers: int) -> Iterator[tuple[str, Orders]]:
    for number in range(workers):
        yield f"worker {number}", msgspec.structs.replace(orders, writer=f"worker-{number}")
    if not orders.office_inside:
        yield "office", msgspec.structs.replace(orders, role="office", listen=None, admin=None)


def _simulator(orders: Orders, listener: socket.socket | None) -> Iterator[tuple[str, Orders]]:
    if listener is not None:
        yield (
            "simulator",
            msgspec.structs.replace(
                orders, role="simulator", listen=listener.fileno(), admin=None, flags=(), office_inside=False
            ),
        )
