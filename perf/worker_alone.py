"""Serves the gateway with one worker in this process, without supervisor and office, for what counts one process.

python -m perf.worker_alone --port 8000 --upstream http://127.0.0.1:9000/v1 --data folder [--config perf/noop.yaml]
"""

import argparse
import os

from gateway.app import Gateway
from gateway.configuration import load_settings
from gateway.worker import Worker


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
    Worker(Gateway(load_settings(options.config, os.environ, flags), "worker-0", os.environ)).run()


if __name__ == "__main__":
    main()
