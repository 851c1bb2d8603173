"""`GET /identity/tier-check`: who am I, what does my tier carry, what is missing."""

import httpx

from gateway.office.tier_check import checked
from identity.caller import Caller
from policies.tiers import Tiers, TiersFile

TIERS = Tiers(
    TiersFile(("T1", "T2", "T3"), {"T1": ("small*",), "T2": ("large",)}, {"T1": ("chat.*",), "T3": ("batches",)})
)
CALLER = Caller("key:1", "T1", "gateway_key", "operator")


async def test_a_caller_learns_who_they_are_and_what_they_may(office: httpx.AsyncClient) -> None:
    found = (await office.get("/identity/tier-check", headers={"x-api-key": "lk-mine"})).json()
    assert found["principal"].startswith("key:")
    assert (found["current"], found["permissions"], found["models"]) == ("T2", ["audit.read"], ["gpt-4o*"])
    assert (found["required"], found["missing"]) == (None, [])


async def test_a_caller_may_ask_about_a_model(office: httpx.AsyncClient) -> None:
    query = {"model": "o3", "endpoint": "chat.completions"}
    found = (await office.get("/identity/tier-check", headers={"x-api-key": "lk-mine"}, params=query)).json()
    assert (found["required"], found["missing"]) == ("T1", ["a key that includes the model o3"])


def test_the_lowest_tier_that_carries_it_is_required() -> None:
    assert checked(TIERS, CALLER, "small-1", None).missing == []
    assert checked(TIERS, CALLER, "large", None).required == "T2"
    assert checked(TIERS, CALLER, "large", "batches").missing == ["tier T3"]


def test_what_no_tier_carries_is_said() -> None:
    found = checked(TIERS, CALLER, "huge", None)
    assert (found.required, found.missing) == (None, ["no tier carries it"])
