"""What `lukhas serve` prints once it is ready: the address, a line to paste, the pages, the chain."""

import shlex
from pathlib import Path

import msgspec

from gateway.loader import chain_names
from gateway.settings import Settings

MODEL = "gpt-4o-mini"
ANY_KEY = "sk-any"


def welcome(settings: Settings, url: str, simulator: str | None) -> str:
    """Gives the text; `simulator` is the address of the simulated model server where there is one."""
    upstream = f"{settings.upstream.url} (simulated)" if simulator else settings.upstream.url
    admin = f"http://{settings.admin.listen}" if settings.admin.listen else url
    return "\n".join(
        (
            f"The gateway is ready:  base_url = {url}/v1",
            "",
            f"  Try it     {curl(url, key_for(settings, simulated=simulator is not None))}",
            f"  Pages      {admin}/docs",
            f"  Metrics    {admin}/metrics",
            f"  Upstream   {upstream}",
            f"  Chain      {' > '.join(map(_plugin_name, chain_names(settings.chain)))}  ({settings.mode})",
            "",
            "Ctrl-C stops it.",
        )
    )


def curl(url: str, key: str) -> str:
    """Gives a line for the shell that asks for a streamed answer."""
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Say hello."}]}
    return (
        f'curl -N {url}/v1/chat/completions -H "Authorization: Bearer {key}" '
        f"-H 'Content-Type: application/json' -d {shlex.quote(msgspec.json.encode(body).decode())}"
    )


def _plugin_name(entry: str) -> str:
    return Path(entry).stem if entry.endswith(".py") else entry


def key_for(settings: Settings, *, simulated: bool) -> str:
    """Gives a key that works, as the shell writes it; a real one stays where it is."""
    if not settings.passthrough:
        return "$LUKHAS_KEY"
    return ANY_KEY if simulated else "$OPENAI_API_KEY"
