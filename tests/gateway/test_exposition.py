"""`/metrics` of one process, and of several that share a folder."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from gateway.exposition import SHARED_FOLDER, exposed, forget

COUNT = (
    "from prometheus_client import CollectorRegistry, Counter, Gauge; r = CollectorRegistry(); "
    "Counter('asked_total', 'asked', registry=r).inc(2); "
    "Gauge('open', 'open', registry=r, multiprocess_mode='livesum').set(3); "
    "import os; print(os.getpid())"
)


def test_alone_a_process_speaks_for_itself() -> None:
    registry = CollectorRegistry()
    Counter("asked_total", "asked", registry=registry).inc()
    assert b"asked_total 1.0" in exposed(registry, {})


def test_what_processes_counted_is_added_up_and_stays_when_they_are_gone(tmp_path: Path) -> None:
    environ = os.environ | {SHARED_FOLDER: str(tmp_path)}
    pids = [
        int(subprocess.run([sys.executable, "-c", COUNT], env=environ, capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    text = exposed(CollectorRegistry(), environ)
    assert b"asked_total 4.0" in text
    assert b"open 6.0" in text
    forget(pids[0], str(tmp_path))
    text = exposed(CollectorRegistry(), environ)
    assert b"asked_total 4.0" in text
    assert b"open 3.0" in text
