"""Which hosted tools there are, what models are told of them, and who may use them."""

from pathlib import Path

import httpx
import pytest

from gateway.flags import Flags, in_force
from gateway.live_policies import LivePolicies
from gateway.office.app import Office
from gateway.office.tools.registry import available
from gateway.pushed import no_standing
from gateway.settings import Auth, Key, Loaded, Settings, Storage
from gateway.testing import a_caller
from gateway.tools.offering import Offering
from tests.builders.governing import HOSTED
from tests.builders.office import running_office

PLUGIN = '''
"""A plugin with one hosted tool."""

from gateway import Tool, hookimpl


class Clock:
    """Tells the time."""

    @hookimpl
    def register_tools(self) -> list[Tool]:
        return [Tool("clock", "tell_time", "Tells the time.", {"type": "object", "properties": {}}, tier="T3")]
'''
CLOCK = {
    "type": "function",
    "function": {
        "name": "tell_time",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {}},
    },
}
MINE = {"x-api-key": "lk-mine"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Gives the settings of an office whose chain has a plugin with a tool."""
    (tmp_path / "clock.py").write_text(PLUGIN)
    keys = (Key("lk-mine", tier="T3", tools=("clock",)), Key("lk-low", tier="T1"))
    return Settings(
        auth=Auth(keys=keys),
        storage=Storage(data=str(tmp_path / "data")),
        chain=("sign_in", str(tmp_path / "clock.py")),
    )


async def test_the_routes_name_and_describe_every_tool(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    office = Office(Loaded(settings, None), {}, lambda *_: None, tmp_path / "accepted")
    async with running_office(office, tmp_path / "office.sock"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "office.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://office", headers=MINE) as client:
            registry = await client.get("/tools/registry")
            assert registry.json() == {"clock": CLOCK}
            assert registry.headers["cache-control"] == "private, max-age=60"
            assert (await client.get("/tools/names")).json() == {"tools": ["clock"]}
            for name in ("clock", "tell_time"):
                assert (await client.get(f"/tools/{name}")).json() == CLOCK
            unknown = await client.get("/tools/teleporter")
            assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_tool")
            assert "known: clock." in unknown.json()["error"]["message"]
            assert (await client.get("/tools/available")).json() == {
                "tools": ["clock"],
                "why_not": {},
                "offered": ["clock"],
                "client_tools": "pass",
                "listed": [],
            }
            low = await client.get("/tools/available", headers={"x-api-key": "lk-low"})
            assert low.json()["tools"] == []
            assert low.json()["why_not"] == {"clock": "it needs the tier T3, and the caller has T1"}
            assert {
                path for path in (await client.get("/openapi.json")).json()["paths"] if path.startswith("/tools/")
            } >= {
                "/tools/registry",
                "/tools/names",
                "/tools/available",
                "/tools/{name}",
            }
            assert (await client.get("/tools/registry", headers={"x-api-key": "lk-nobody"})).status_code == 401


def test_what_is_available_says_of_every_other_tool_why_it_is_not() -> None:
    flags = Flags(in_force({}, {}, {}, loopback=False))
    offering = Offering(HOSTED, LivePolicies(), flags, no_standing, lambda _: False)
    found = available(offering, a_caller(tools=("browser", "retrieve_knowledge")))
    assert found.tools == ["retrieval", "scheduler"]
    assert found.why_not == {"browser": "FLAG_BROWSER_TOOL is off"}
    assert found.offered == ["retrieval"]
    flags.tell(in_force({"BROWSER_TOOL": True}, {}, {}, loopback=False))
    assert available(offering, a_caller(tools=("browser",))).offered == ["browser"]
