"""An office over its socket, into whose journal calls of tools are written that were blocked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from gateway.office.app import Office
from gateway.settings import Auth, Key, Loaded, Policies, Settings, Storage
from tests.builders.office import running_office
from tests.builders.segments import Writer

Value = TypeVar("Value")
KEYS = (
    Key("lk-ada", owner="ada"),
    Key("lk-bob", owner="bob"),
    Key("lk-officer", owner="officer", permissions=("admin:tightenings", "audit:read")),
)
RULES = """
tightening:
  - {name: repeated, blocked: 3, within_seconds: 600, for_seconds: 3600}
  - {name: many, blocked: 5, within_seconds: 600, for_seconds: 900, withhold: all, strict: true}
"""


async def reached(look: Callable[[], Awaitable[Value | None]], seconds: float = 8.0) -> Value:
    """Looks until there is something to see, and gives it."""
    async with asyncio.timeout(seconds):
        while not (seen := await look()):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.03)
        return seen


class Asked:
    """A client of an office."""

    def __init__(self, client: httpx.AsyncClient, office: Office, data: Path) -> None:
        self.office = office
        self.data = data
        self._client = client
        self._writers: dict[str, Writer] = {}

    async def __call__(self, method: str, path: str, key: str = "lk-ada", **more: Any) -> httpx.Response:
        return await self._client.request(method, path, headers={"authorization": f"Bearer {key}"}, **more)

    def pseudonym(self, owner: str) -> str:
        return self.office.keyring.person(f"key:{owner}").pseudonym

    def blocked(
        self, tool: str = "browser", times: int = 1, owner: str = "ada", *, worker: str = "worker-0", **members: Any
    ) -> None:
        """Calls of this caller were blocked, as a worker's journal has it."""
        for number in range(times):
            at = datetime.now(UTC) - timedelta(milliseconds=times - number)
            line = {"event": "incident", "audit_id": f"A-{owner}-{tool}", "at": at.isoformat(), "tool": tool}
            line |= {"caller": self.pseudonym(owner), "reason": "tool_not_offered", "action": "answered", **members}
            self.written(line, worker)

    def written(self, line: dict[str, Any], worker: str = "worker-0") -> None:
        """A worker's journal has this line."""
        if worker not in self._writers:
            self._writers[worker] = Writer(self.data, worker)
            self._writers[worker].segment()
        self._writers[worker].append(line)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "tools.yaml").write_text(RULES)
    data = tmp_path / "data"
    settings = Settings(
        auth=Auth(keys=KEYS),
        storage=Storage(data=str(data)),
        policies=Policies(folder=str(policies)),
        plugins={"log": {"to": "nowhere"}},
    )
    office = Office(Loaded(settings, None), {"LUKHAS_ADMIN_KEY": "the-admin"}, lambda *_: None, tmp_path / "accepted")
    async with running_office(office, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            yield Asked(client, office, data)
