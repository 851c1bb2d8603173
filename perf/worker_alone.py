"""Serves the gateway with one worker in this process, without supervisor and office, for what counts one process.

python -m perf.worker_alone --port 8000 --upstream http://127.0.0.1:9000/v1 --data folder [--config perf/noop.yaml]
"""

import argparse
import os

import msgspec

from gateway.app import Gateway
from gateway.configuration import load_settings
from gateway.loader import chain_names
from gateway.settings import Loaded
from gateway.worker import Worker

UNHURRIED_MS = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="http://127.0.0.1:PORT/v1")
    parser.add_argument("--data", required=True)
    parser.add_argument("--config", metavar="FILE")
    options = parser.parse_args()
    flags = {
        ("server", "port"): options.port,
        ("upstream", "url"): options.upstream,
        ("storage", "data"): options.data,
    }
    loaded = unhurried(load_settings(options.config, os.environ, flags))
    Worker(Gateway(loaded, "worker-0", os.environ)).run()


def unhurried(loaded: Loaded) -> Loaded:
    """Gives the settings with time for every plugin: under valgrind all overrun, and quarantined ones cost nothing."""
    settings = loaded.settings
    names = [name.rpartition("/")[2].removesuffix(".py") for name in chain_names(settings.chain)]
    plugins = {name: {**settings.plugins.get(name, {}), "budget_ms": UNHURRIED_MS} for name in names}
    return msgspec.structs.replace(loaded, settings=msgspec.structs.replace(settings, plugins=plugins))


if __name__ == "__main__":
    main()
