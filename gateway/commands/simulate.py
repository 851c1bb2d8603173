"""`lukhas simulate`: the simulated model server on a port of its own."""

import click

from gateway.commands.options import common
from gateway.processes.listening import listening, url_of
from gateway.simulator import run


@click.command("simulate")
@common
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0 takes a free one.")
def command(config: str | None, data: str | None, host: str, port: int) -> None:
    """Starts the simulated model server.

    It is OpenAI-shaped, with deterministic answers, and no model.

    \b
    Example:
      lukhas simulate --port 9000
      lukhas serve --upstream http://127.0.0.1:9000/v1
    """
    with listening(host, port) as listener:
        click.echo(f"The simulator is ready:  {url_of(listener)}/v1  (GET /_last shows the last request)")
        run(host, port, listener.detach())
