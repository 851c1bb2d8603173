"""What the process of a worker carries with it."""

import subprocess
import sys
from pathlib import Path

BUILT = """
import sys
from gateway.app import Gateway
from gateway.configuration import load_settings
import gateway.processes.worker
chain = Gateway(load_settings(None, {}, {("storage", "data"): "data"}), "worker-0", {}).chain
print(*(plugin.name for plugin in chain.plugins))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_worker_of_the_shipped_chain_loads_no_code_of_the_office_and_none_of_a_database(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", BUILT]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
    plugins, packages = (set(line.split()) for line in said.splitlines())
    assert {"signals", "symbols", "retrieval", "scheduler"} <= plugins
    assert packages & {"alembic", "sqlalchemy", "psycopg", "duckdb", "litestar", "rich", "pygments"} == set()
