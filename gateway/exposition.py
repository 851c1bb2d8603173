"""`/metrics` as text: of this process alone, or, where several share a folder, of all that run and ran."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def exposed(registry: CollectorRegistry, environ: Mapping[str, str]) -> bytes:
    """Gives the text; `environ` names the folder that the supervisor made for its processes."""
    folder = environ.get(SHARED_FOLDER)
    if folder is None:
        return generate_latest(registry)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
    return generate_latest(shared)
