"""Callers: what each kind of credential may, whose key pays for it, and whether its ratings count."""

import time
from functools import partial
from typing import Any

import httpx
import pytest

from tests.builders.served import eventually
from tests.interactions.crossing import AUDIT_ID, OPERATOR_KEY, Crossing

SAYS = "Name a river in Norway."


def rated(gateway: Crossing, key: str, audit_id: str, rating: int = 5) -> httpx.Response:
    """The answer to a card of a caller about an exchange."""
    card = {"target_action_id": audit_id, "rating": rating}
    return gateway.http.post(f"{gateway.url}/feedback/card", json=card, headers={"x-api-key": key})


def is_taken(gateway: Crossing, key: str, audit_id: str) -> bool:
    """Whether a card is taken, which it is soon after the upstream has accepted the key."""
    return rated(gateway, key, audit_id).status_code == 200


def key_that_paid(gateway: Crossing) -> str:
    """The credential that reached the upstream last."""
    credential: str = gateway.last()[0]["headers"]["authorization"]
    return credential.removeprefix("Bearer ")


def statuses(gateway: Crossing, key: str) -> set[int]:
    """What our own routes answer to a caller, each way of giving the key."""
    paths = ("/audit", "/feedback/lut", "/feedback/health")
    ways: tuple[Any, ...] = ({"x-api-key": key}, {"authorization": f"Bearer {key}"})
    return {gateway.page(path, headers=way).status_code for path in paths for way in ways}


def test_a_key_that_the_upstream_has_not_accepted_has_no_rights_and_is_not_counted(gateway: Crossing) -> None:
    key = "sk-bad-key-of-a-stranger"

    answer = gateway.chat(key, SAYS)

    assert (answer.status_code, key_that_paid(gateway)) == (401, key)
    assert statuses(gateway, key) == {403}
    assert rated(gateway, key, answer.headers[AUDIT_ID]).status_code == 403
    assert gateway.row(answer.headers[AUDIT_ID], "caller, tier, status") == [None, "T1", 401]


def test_a_key_that_the_upstream_has_accepted_has_the_rights_of_t1_and_pays_itself(gateway: Crossing) -> None:
    key = "sk-of-a-newcomer"

    answer = gateway.chat(key, SAYS)
    audit_id = answer.headers[AUDIT_ID]

    assert (answer.status_code, key_that_paid(gateway)) == (200, key)
    assert eventually(lambda: statuses(gateway, key) == {200})
    assert gateway.page(f"/audit/{audit_id}", headers={"x-api-key": key}).status_code == 200
    assert gateway.row(audit_id, "tier") == ["T1"]
    assert gateway.page("/admin/locks", headers={"x-api-key": key}).status_code == 403


def test_hosted_tools_are_for_keys_that_the_upstream_has_accepted(gateway: Crossing) -> None:
    key, asking = "sk-of-somebody-with-tools", {"x-lukhas-tools": "retrieval"}

    answer = gateway.chat(key, SAYS, asking)

    assert answer.status_code == 200
    assert "tools" not in gateway.sent()

    def is_offered() -> bool:
        gateway.chat(key, SAYS, asking)
        return "tools" in gateway.sent()

    assert eventually(is_offered)


@pytest.mark.parametrize(("key", "tier"), [("lk-shadow-0", "T2"), ("lk-low", "T1")])
def test_a_gateway_key_has_rights_by_its_tier_and_permissions_and_the_operator_pays(
    gateway: Crossing, key: str, tier: str
) -> None:
    answer = gateway.chat(key, SAYS)

    assert (answer.status_code, key_that_paid(gateway)) == (200, OPERATOR_KEY)
    assert statuses(gateway, key) == {200}
    assert gateway.page("/admin/locks", headers={"x-api-key": key}).status_code == 403
    assert gateway.row(answer.headers[AUDIT_ID], "tier") == [tier]


@pytest.mark.parametrize("key", ["lk-wrong", "lk-", "lk-shadow-x"])
def test_a_wrong_gateway_key_is_401_everywhere_and_is_never_forwarded(gateway: Crossing, key: str) -> None:
    before = gateway.arrived()

    assert gateway.chat(key, SAYS).status_code == 401
    assert statuses(gateway, key) == {401}
    assert rated(gateway, key, "A-00000000-0000-7000-8000-000000000000").status_code == 401
    assert gateway.arrived() == before


def temperature_for_all(gateway: Crossing) -> float:
    """What ratings of others change for somebody who never rated."""
    style = gateway.page("/feedback/lut", headers={"x-api-key": "lk-low"}).json()["style"]
    return float(style["temperature_delta"])


def test_ratings_of_gateway_keys_from_t2_on_count_for_all_and_those_of_newcomers_not_yet(gateway: Crossing) -> None:
    newcomers = [f"sk-rater-{number}" for number in range(10)]
    known = [gateway.somebody() for _ in range(10)]
    asked = {key: gateway.chat(key, SAYS).headers[AUDIT_ID] for key in (*newcomers, *known)}

    for key in newcomers:
        eventually(partial(is_taken, gateway, key, asked[key]))
    assert gateway.page("/feedback/health").json()["items"] >= 10
    time.sleep(1.2)
    assert temperature_for_all(gateway) == 0

    for key in known:
        assert rated(gateway, key, asked[key]).status_code == 200
    assert eventually(lambda: temperature_for_all(gateway) > 0)

    # A neutral rating in the place of each leaves nothing behind for the tests that follow.
    for key in (*newcomers, *known):
        assert rated(gateway, key, asked[key], rating=3).status_code == 200
    assert eventually(lambda: temperature_for_all(gateway) == 0)
