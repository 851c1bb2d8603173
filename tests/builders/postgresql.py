"""Runs a PostgreSQL server from a Python package, as a process of its own and without root."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import make_url

START_SECONDS = 60


class PostgreSql:
    """A server; at each `address` stands a schema of its own, which is quicker to make than a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made = 0

    def address(self) -> str:
        """The address of a new schema."""
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return (
            make_url(self.url)
            .update_query_dict({"options": f"-csearch_path={name}"})
            .render_as_string(hide_password=False)
        )


@contextmanager
def running_postgresql() -> Iterator[PostgreSql]:
    """Runs a server until the end of the `with`. Its socket stands in a folder with a short name."""
    with TemporaryDirectory(prefix="pg-") as folder:
        command = [sys.executable, "-W", "ignore", "-m", "tests.builders.postgresql_process", folder]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("postgresql://"), "The server did not start; its words stand above."
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield PostgreSql(url)
        finally:
            process.stdin.close()
            process.wait(START_SECONDS)
            process.stdout.close()
