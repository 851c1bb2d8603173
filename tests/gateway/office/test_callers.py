"""Who may use our own routes: the same callers as on the model API, once the upstream has accepted their key."""

from pathlib import Path

import httpx
import pytest

from gateway.office.callers import client_address
from identity.accepted_keys import AcceptedKeys
from identity.pseudonyms import pseudonyms_in
from tests.gateway.office.conftest import ADMIN_KEY

WHO = "/identity/tier-check"


@pytest.mark.parametrize("headers", [{"authorization": "Bearer lk-mine"}, {"x-api-key": "lk-mine"}])
async def test_a_gateway_key_is_taken_either_way(office: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reply = await office.get(WHO, headers=headers)
    assert (reply.status_code, reply.json()["kind"]) == (200, "gateway_key")


async def test_the_admin_key_has_all_permissions(office: httpx.AsyncClient) -> None:
    reply = await office.get(WHO, headers={"x-api-key": ADMIN_KEY})
    assert (reply.json()["principal"], reply.json()["permissions"]) == ("admin", ["*"])


async def test_a_passed_through_key_has_no_rights_before_the_upstream_has_accepted_it(
    office: httpx.AsyncClient, accepted: AcceptedKeys, tmp_path: Path
) -> None:
    mine = {"authorization": "Bearer sk-mine"}
    before = await office.get(WHO, headers=mine)
    assert (before.status_code, before.json()["error"]["code"]) == (403, "key_not_accepted")
    principal = f"upstream:{pseudonyms_in(tmp_path)(b'sk-mine')}"
    accepted.answered(principal, 200)
    after = await office.get(WHO, headers=mine)
    assert (after.status_code, after.json()["principal"], after.json()["current"]) == (200, principal, "T1")
    assert (await office.get(WHO, headers={"authorization": "Bearer sk-other"})).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer lk-wrong"}, {"x-api-key": "lk-wrong"}])
async def test_nobody_is_401_and_told_how_to_sign_in(office: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reply = await office.get(WHO, headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_no_header_makes_a_caller_of_another(office: httpx.AsyncClient) -> None:
    forged = {"x-forwarded-for": "127.0.0.1", "x-lukhas-principal": "admin", "x-forwarded-user": "admin"}
    assert (await office.get(WHO, headers=forged)).status_code == 401


def test_the_address_is_the_one_that_the_worker_saw() -> None:
    assert client_address(((b"x-forwarded-for", b"1.1.1.1, 10.0.0.7"),)) == "10.0.0.7"
    assert client_address(()) == ""
