"""Runs a gateway on a real port, in the test's own process and on a loop of its own."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from gateway.app import Gateway
from gateway.front import Elsewhere, not_here
from gateway.settings import SHIPPED_CHAIN, Loaded, Settings
from gateway.worker import Worker
from policies.document import converted

START_SECONDS = 10
RECORD_SECONDS = 5


class RunningGateway:
    """A gateway that answers at `url` (http://127.0.0.1:4711); `gateway` is what was built for it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._worker = Worker(gateway)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="running_gateway")

    @property
    def base_url(self) -> str:
        """What the SDK takes as its `base_url`."""
        return f"{self.url}/v1"

    @property
    def journal(self) -> Path:
        """The file of the journal's lines."""
        return self.gateway.journal.path

    def start(self) -> None:
        """Waits until the gateway listens; an error of its start is raised here."""
        self._thread.start()
        try:
            until(lambda: self._worker.started or not self._thread.is_alive(), START_SECONDS, "the gateway's start")
        finally:
            if self._error is not None:
                self._listener.close()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stops the gateway as a signal would, and waits until it has ended. Safe to call twice."""
        self._worker.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def lines(self) -> list[dict[str, Any]]:
        """All whole lines of the segment so far that are about exchanges."""
        if not self.journal.exists():
            return []
        written = self.journal.read_bytes()
        return exchange_lines(written[: written.rfind(b"\n") + 1])

    def records(self, count: int = 1) -> list[dict[str, Any]]:
        """The `ended` lines, at least `count` of them: waits until they are there."""

        def ended() -> list[dict[str, Any]]:
            return [line for line in self.lines() if line["event"] == "ended"]

        until(lambda: len(ended()) >= count, RECORD_SECONDS, f"{count} records; there are {len(ended())}")
        return ended()

    def record_of(self, audit_id: str) -> dict[str, Any]:
        """The `ended` line of one exchange: waits until it is there, and is the only one."""

        def ended() -> list[dict[str, Any]]:
            return [line for line in self.lines() if line["audit_id"] == audit_id and line["event"] == "ended"]

        until(lambda: len(ended()) > 0, RECORD_SECONDS, f"the record of {audit_id}")
        (record,) = ended()
        return record

    def _run(self) -> None:
        try:
            self._worker.run(sockets=[self._listener])
        except BaseException as error:
            self._error = error


def exchange_lines(segment: bytes) -> list[dict[str, Any]]:
    """Gives the lines of a segment that are about exchanges, and not about the journal itself."""
    lines: list[dict[str, Any]] = [msgspec.json.decode(line) for line in segment.splitlines()]
    return [line for line in lines if line["event"] not in ("segment", "root")]


def gateway_settings(upstream: str, data: str, /, **sections: Any) -> Settings:
    """Settings that lead to `upstream` (without /v1, as the simulator's URL), with `sections` as in a settings file."""
    values: dict[str, Any] = {
        name: dict(part) if isinstance(part, Mapping) else part for name, part in sections.items()
    }
    values["upstream"] = {"url": f"{upstream}/v1", **values.get("upstream", {})}
    values["storage"] = {"data": data, **values.get("storage", {})}
    values["server"] = {"drain_timeout": 2, **values.get("server", {})}
    chain = [
        name for each in values.get("chain", ["default"]) for name in (SHIPPED_CHAIN if each == "default" else [each])
    ]
    if "log" in chain:
        values["plugins"] = {"log": {"to": "nowhere"}, **values.get("plugins", {})}
    return converted(values, Settings, "settings")


@contextmanager
def running_gateway(
    upstream: str, /, *, environ: Mapping[str, str] | None = None, elsewhere: Elsewhere = not_here, **sections: Any
) -> Iterator[RunningGateway]:
    """Runs a gateway to `upstream` (without /v1) until the end of the `with`.

        with running_gateway(simulator, auth={"keys": [{"key": "lk-x"}]}) as running:
            OpenAI(base_url=running.base_url, api_key="lk-x")

    `sections` are those of the settings file; the data folder is a temporary one, and nothing is logged.
    """
    with TemporaryDirectory(prefix="lukhas-") as data:
        settings = gateway_settings(upstream, data, **sections)
        running = RunningGateway(Gateway(Loaded(settings, None), "worker-0", environ or {}, elsewhere))
        running.start()
        try:
            yield running
        finally:
            running.stop()


def until(reached: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits, for what another thread does and cannot say."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds} s for {what}.")
        time.sleep(0.01)
