"""`/tools/incidents` and `/tools/tightenings`: what is listed, for whom, and what a release does."""

import csv
import io
from typing import Any

import pytest

from gateway.pushed import Pushed
from tests.builders.journals import lines_in
from tests.gateway.office.incidents.conftest import Asked, reached


async def listed(asked: Asked, query: str = "", key: str = "lk-ada", least: int = 1) -> list[dict[str, Any]]:
    """The incidents, once there are so many."""

    async def found() -> list[dict[str, Any]] | None:
        rows: list[dict[str, Any]] = (await asked("GET", f"/tools/incidents{query}", key)).json()["incidents"]
        return rows if len(rows) >= least else None

    return await reached(found)


async def withheld(asked: Asked, key: str = "lk-ada", least: int = 1) -> list[dict[str, Any]]:
    """The tightenings, once there are so many."""

    async def found() -> list[dict[str, Any]] | None:
        rows: list[dict[str, Any]] = (await asked("GET", "/tools/tightenings", key)).json()["tightenings"]
        return rows if len(rows) >= least else None

    return await reached(found)


async def test_an_incident_says_what_was_blocked_and_what_was_allowed_then(asked: Asked) -> None:
    more: dict[str, Any] = {
        "safety_mode": "strict",
        "tool_allowlist": ["lookup"],
        "prompt_hash": "ab",
        "arguments": "{}",
    }
    asked.blocked("browser", **more)
    (incident,) = await listed(asked)
    assert {name: value for name, value in incident.items() if name != "at"} == {
        "audit_id": "A-ada-browser",
        "caller": "key:ada",
        "tool": "browser",
        "reason": "tool_not_offered",
        "action": "answered",
        **more,
    }


async def test_callers_see_their_own_and_whoever_may_sees_all(asked: Asked) -> None:
    asked.blocked("browser")
    asked.blocked("shell", owner="bob")
    assert [each["tool"] for each in await listed(asked, key="lk-officer", least=2)] == ["shell", "browser"]
    assert [each["tool"] for each in await listed(asked, key="lk-ada")] == ["browser"]
    assert [each["tool"] for each in await listed(asked, "?principal=key:bob", "lk-officer")] == ["shell"]
    refused = await asked("GET", "/tools/incidents?principal=key:bob", "lk-ada")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    stats = await asked("GET", "/tools/incidents/stats?principal=key:bob", "lk-ada")
    assert stats.status_code == 403


async def test_filters_narrow_the_list(asked: Asked) -> None:
    asked.blocked("browser")
    asked.blocked("shell", times=2)
    asked.written(
        {
            "event": "incident",
            "audit_id": "A-old",
            "at": "2026-01-01T00:00:00Z",
            "caller": asked.pseudonym("ada"),
            "tool": "old",
        }
    )
    assert len(await listed(asked, least=4)) == 4
    assert len(await listed(asked, "?since_hours=8760", least=4)) == 4
    assert [each["tool"] for each in await listed(asked, "?tool=browser")] == ["browser"]
    assert len(await listed(asked, "?since_hours=1", least=3)) == 3
    assert (await asked("GET", "/tools/incidents?tool=shell&limit=1")).json()["more"] is True
    assert (await asked("GET", "/tools/incidents?tool=shell&limit=2")).json()["more"] is False


@pytest.mark.parametrize(
    "query", ["since_hours=0", "since_hours=nan", "since_hours=x", "limit=0", "format=xml", "tol=x"]
)
async def test_a_filter_that_cannot_be_is_refused(asked: Asked, query: str) -> None:
    assert (await asked("GET", f"/tools/incidents?{query}")).status_code == 400
    assert (await asked("GET", f"/tools/incidents/stats?{query}")).status_code == 400


async def test_a_name_of_a_model_is_no_formula_and_no_statement(asked: Asked) -> None:
    for name in ("=cmd()", "+1", "-1", "@x", "'; DROP TABLE x; --"):
        asked.blocked(name)
    await listed(asked, least=5)
    reply = await asked("GET", "/tools/incidents?format=csv")
    assert reply.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert {row["tool"] for row in rows} == {"'=cmd()", "'+1", "'-1", "'@x", "'; DROP TABLE x; --"}
    assert [each["tool"] for each in await listed(asked, "?tool='; DROP TABLE x; --")] == ["'; DROP TABLE x; --"]


async def test_stats_count_by_tool_reason_caller_and_hour(asked: Asked) -> None:
    asked.blocked("browser", times=2)
    asked.blocked("shell", owner="bob", reason="tool_not_allowed")
    await listed(asked, key="lk-officer", least=3)
    stats = (await asked("GET", "/tools/incidents/stats", "lk-officer")).json()
    assert (stats["incidents"], stats["callers"]) == (3, 2)
    assert stats["by_tool"] == {"browser": 2, "shell": 1}
    assert stats["by_reason"] == {"tool_not_offered": 2, "tool_not_allowed": 1}
    assert stats["by_caller"] == {"key:ada": 2, "key:bob": 1}
    assert sum(stats["by_hour"].values()) == 3
    own = (await asked("GET", "/tools/incidents/stats", "lk-bob")).json()
    assert own["by_tool"] == {"shell": 1}


async def test_before_any_incident_the_lists_are_empty(asked: Asked) -> None:
    assert (await asked("GET", "/tools/incidents")).json() == {"incidents": [], "more": False}
    assert (await asked("GET", "/tools/incidents/stats")).json()["last"] is None
    assert (await asked("GET", "/tools/tightenings")).json() == {"tightenings": []}


async def test_without_a_key_nothing_is_told(asked: Asked) -> None:
    for path in ("/tools/incidents", "/tools/incidents/stats", "/tools/tightenings"):
        assert (await asked("GET", path, "lk-wrong")).status_code == 401


async def test_what_is_withheld_is_listed_for_whom_it_is_about_and_whoever_may(asked: Asked) -> None:
    asked.blocked("browser", times=3)
    (mine,) = await withheld(asked)
    assert (mine["caller"], mine["tool"], mine["rule"], mine["strict"]) == ("key:ada", "browser", "repeated", False)
    assert mine["cause"] == "A-ada-browser"
    assert (await withheld(asked, "lk-officer")) == [mine]
    assert (await asked("GET", "/tools/tightenings", "lk-bob")).json() == {"tightenings": []}


async def test_whoever_may_gives_back_what_was_withheld_and_the_workers_hear_it(asked: Asked) -> None:
    asked.blocked("browser", times=3)
    (held,) = await withheld(asked)
    worker = Pushed(asked.data / "pushed.json", asked.office.keyring.pseudonym_of)

    async def told() -> bool:
        worker.catch_up()
        return bool(worker.standing("key:ada").withheld)

    await reached(told)
    path = f"/tools/tightenings/{held['id']}"
    assert (await asked("DELETE", path, "lk-ada")).status_code == 403
    assert (await asked("DELETE", path, "lk-officer")).json() == {"released": True}
    assert (await asked("DELETE", path, "lk-officer")).json() == {"released": False}
    assert worker.catch_up()
    assert worker.standing("key:ada").withheld == ()
    events = [line for line in lines_in(asked.data, "office") if line["event"].startswith("tightening")]
    officer = asked.pseudonym("officer")
    assert [(each["event"], each["id"], each.get("by")) for each in events] == [
        ("tightening", held["id"], None),
        ("tightening_released", held["id"], officer),
    ]


async def test_a_release_of_what_never_was_says_so(asked: Asked) -> None:
    assert (await asked("DELETE", "/tools/tightenings/T-nothing", "the-admin")).json() == {"released": False}


async def test_nobody_ends_what_is_withheld_from_them_by_erasing_themselves(asked: Asked) -> None:
    asked.blocked("browser", 3)
    reply = await asked("DELETE", "/me/data")
    (held,) = await withheld(asked)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (409, "tightened")
    assert held["until"][:19].replace("T", " ") in error["message"]
    assert 3500 < int(reply.headers["retry-after"]) <= 3600
    assert asked.office.keyring.pseudonym_of("key:ada") is not None
    assert (await asked("DELETE", "/me/data", "lk-bob")).status_code == 200


async def test_what_was_given_back_stands_in_nobodys_way(asked: Asked) -> None:
    asked.blocked("browser", 3)
    (held,) = await withheld(asked)
    await asked("DELETE", f"/tools/tightenings/{held['id']}", "lk-officer")
    assert (await asked("DELETE", "/me/data")).status_code == 200


async def test_the_operator_erases_whom_something_is_withheld_from(asked: Asked) -> None:
    asked.blocked("browser", 3)
    await withheld(asked)
    reply = await asked("POST", "/audit/purge", "the-admin", json={"principal": "key:ada"})
    assert (reply.status_code, reply.json()["known"]) == (200, True)
    assert asked.office.keyring.pseudonym_of("key:ada") is None


async def test_where_nobody_can_say_what_is_withheld_nobody_erases_themselves(asked: Asked) -> None:
    asked.blocked("browser")
    asked.office.state.close()
    reply = await asked("DELETE", "/me/data")
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "records_unavailable")
    assert asked.office.keyring.pseudonym_of("key:ada") is not None
