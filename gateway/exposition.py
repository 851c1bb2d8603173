"""`/metrics` as text: of this process alone, or, where several share a folder, of all that run and ran.

The supervisor makes the folder; prometheus_client finds it in the environment.
"""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def exposed(registry: CollectorRegistry, environ: Mapping[str, str]) -> bytes:
    """Gives the text; `environ` names the folder that the supervisor made for its processes."""
    folder = environ.get(SHARED_FOLDER)
    if folder is None:
        return generate_latest(registry)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def forget(pid: int, folder: str) -> None:
    """Takes the figures away that speak of a process's present: it has ended. What it counted stays."""
    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
