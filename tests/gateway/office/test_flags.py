"""`/admin/flags`: who may, what may be set, who is told, and what stays afterwards."""

from typing import Any

from gateway.flags import KNOWN_FLAGS
from gateway.pushed import Pushed
from tests.builders.journals import lines_in
from tests.gateway.office.feedback.conftest import Asked, asked

__all__ = ["asked"]


async def test_each_flag_says_what_and_by_whom(asked: Asked) -> None:
    flags = (await asked("GET", "/admin/flags", "lk-officer")).json()["flags"]
    assert set(flags) == set(KNOWN_FLAGS)
    assert flags["BROWSER_TOOL"] == {"value": "off", "source": "default"}
    assert flags["ADMIN_DASHBOARD"] == {"value": "on", "source": "default"}
    assert flags["DNA_CUTOVER_READ_FROM"] == {"value": "legacy", "source": "default"}


async def test_a_flag_that_is_set_holds_at_once_is_told_and_stands_in_the_journal(asked: Asked) -> None:
    said = {"STRICT_DEFAULT": True, "BROWSER_TOOL": "25%"}
    flags = (await asked("PUT", "/admin/flags", "lk-officer", said)).json()["flags"]
    assert flags["STRICT_DEFAULT"] == {"value": "on", "source": "override"}
    assert flags["BROWSER_TOOL"] == {"value": "25%", "source": "override"}
    assert asked.office.keeping.live_flags.flags.on("STRICT_DEFAULT")
    worker = Pushed(asked.data / "pushed.json", lambda _: None)
    worker.catch_up()
    assert dict(worker.flags) == {"STRICT_DEFAULT": "on", "BROWSER_TOOL": "25%"}
    events = [line for line in lines_in(asked.data, "office") if line["event"] == "flag"]
    officer = await asked.pseudonym("lk-officer")
    assert [(each["name"], each["value"], each["by"]) for each in events] == [
        ("STRICT_DEFAULT", "on", officer),
        ("BROWSER_TOOL", "25%", officer),
    ]


async def test_a_flag_goes_back_to_what_was_said_before(asked: Asked) -> None:
    await asked("PUT", "/admin/flags", "lk-officer", {"STRICT_DEFAULT": True, "BROWSER_TOOL": True})
    one = (await asked("DELETE", "/admin/flags?name=STRICT_DEFAULT", "the-admin")).json()["flags"]
    assert (one["STRICT_DEFAULT"]["source"], one["BROWSER_TOOL"]["source"]) == ("default", "override")
    every = (await asked("DELETE", "/admin/flags", "the-admin")).json()["flags"]
    assert every["BROWSER_TOOL"] == {"value": "off", "source": "default"}
    events = [line for line in lines_in(asked.data, "office") if line["event"] == "flag"]
    assert [(each["name"], each["value"], each["by"]) for each in events[2:]] == [
        ("STRICT_DEFAULT", None, "admin"),
        ("BROWSER_TOOL", None, "admin"),
    ]


WRONG: tuple[tuple[Any, str], ...] = (
    ({"BROWSER": True}, "unknown_flag"),
    ({"BROWSER_TOOL": "maybe"}, "invalid_flag"),
    ({"BROWSER_TOOL": "120%"}, "invalid_flag"),
    ({"DNA_CUTOVER_READ_FROM": "on"}, "invalid_flag"),
    ({"STRICT_DEFAULT": True, "BROWSER": True}, "unknown_flag"),
    ([], "invalid_request"),
    ({"BROWSER_TOOL": [1]}, "invalid_request"),
)


async def test_what_no_flag_may_say_is_refused_and_sets_nothing(asked: Asked) -> None:
    for body, code in WRONG:
        reply = await asked("PUT", "/admin/flags", "lk-officer", body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
    assert asked.office.state.flag_overrides.every() == []


async def test_flags_are_for_whoever_may(asked: Asked) -> None:
    for key in ("lk-ada", "sk-unknown"):
        for method in ("GET", "PUT", "DELETE"):
            reply = await asked(method, "/admin/flags", key, {"STRICT_DEFAULT": True} if method == "PUT" else None)
            assert reply.status_code == 403
    assert asked.office.state.flag_overrides.every() == []


async def test_an_unknown_flag_cannot_be_taken_back(asked: Asked) -> None:
    assert (await asked("DELETE", "/admin/flags?name=BROWSER", "the-admin")).status_code == 400


async def test_without_a_journal_no_flag_changes(asked: Asked) -> None:
    asked.office.records.log.close()
    reply = await asked("PUT", "/admin/flags", "lk-officer", {"STRICT_DEFAULT": True})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "journal_unavailable")
    assert asked.office.state.flag_overrides.every() == []
