"""Who calls, by the credential of the request."""

from pathlib import Path

import pytest

from gateway import Caller, Exchange
from gateway.exchange import Received
from gateway.settings import Auth, Key, Server, Settings
from gateway.testing import an_exchange, plugin_kit, started
from plugins.sign_in import SignIn

KEYS = (
    Key("lk-alice", "alice", "T3", ("gpt-4o*",), ("audit",), "enforce", ("retrieval",)),
    Key("lk-bob"),
    Key("not-like-ours"),
)


def signing_in(
    folder: Path, *, passthrough: bool | None = None, host: str = "127.0.0.1", admin: str | None = None
) -> SignIn:
    plugin = SignIn()
    plugin.startup(started(folder, Settings(Server(host=host), auth=Auth(passthrough, KEYS)), admin))
    return plugin


def asking(credential: str | None, *, model_api: bool = True, **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    exchange = an_exchange(headers=named | ({"Authorization": credential} if credential is not None else {}))
    received = exchange.received
    exchange.received = Received(received.method, received.target, received.headers, received.client, model_api)
    return exchange


def test_a_key_of_the_settings_is_known_with_all_that_stands_there(tmp_path: Path) -> None:
    caller = signing_in(tmp_path).identify(asking("Bearer lk-alice"))
    assert caller is not None
    assert caller == Caller(
        caller.principal,
        "T3",
        "gateway_key",
        "operator",
        ("gpt-4o*",),
        frozenset({"audit"}),
        "enforce",
        "alice",
        ("retrieval",),
    )


def test_a_principal_names_the_owner_or_else_the_key_and_never_holds_it(tmp_path: Path) -> None:
    plugin = signing_in(tmp_path)
    alice, bob = plugin.identify(asking("Bearer lk-alice")), plugin.identify(asking("bearer lk-bob"))
    assert alice is not None and bob is not None
    assert alice.principal == "key:alice"
    assert bob.principal.startswith("key:") and "bob" not in bob.principal
    assert (bob.tier, bob.models, bob.permissions) == ("T2", None, frozenset())


def test_a_key_need_not_look_like_ours(tmp_path: Path) -> None:
    caller = signing_in(tmp_path).identify(asking("Bearer not-like-ours"))
    assert caller is not None
    assert caller.kind == "gateway_key"


@pytest.mark.parametrize("credential", [None, "", "Bearer ", "Basic lk-alice", "lk-alice"])
@pytest.mark.parametrize("passthrough", [True, False])
def test_without_a_credential_nobody_calls(tmp_path: Path, credential: str | None, passthrough: bool) -> None:
    assert signing_in(tmp_path, passthrough=passthrough).identify(asking(credential)) is None


@pytest.mark.parametrize("credential", ["Bearer lk-wrong", "Bearer lk-alice2", "Bearer lk-"])
@pytest.mark.parametrize("passthrough", [True, False])
def test_a_wrong_key_of_ours_is_nobody_and_is_never_passed_through(
    tmp_path: Path, credential: str, passthrough: bool
) -> None:
    assert signing_in(tmp_path, passthrough=passthrough).identify(asking(credential)) is None


@pytest.mark.parametrize(
    ("passthrough", "host", "passes"),
    [
        (True, "0.0.0.0", True),
        (False, "127.0.0.1", False),
        (None, "127.0.0.1", True),
        (None, "localhost", True),
        (None, "::1", True),
        (None, "0.0.0.0", False),
        (None, "gateway.test", False),
    ],
)
def test_a_key_of_the_upstream_is_passed_through_where_the_settings_allow_it(
    tmp_path: Path, passthrough: bool | None, host: str, passes: bool
) -> None:
    caller = signing_in(tmp_path, passthrough=passthrough, host=host).identify(asking("Bearer sk-mine"))
    if not passes:
        assert caller is None
        return
    assert caller is not None
    assert (caller.tier, caller.kind, caller.upstream_key, caller.permissions) == (
        "T1",
        "passthrough",
        "caller",
        frozenset(),
    )
    assert caller.principal.startswith("upstream:") and "mine" not in caller.principal


def test_the_operators_key_has_all_permissions(tmp_path: Path) -> None:
    caller = signing_in(tmp_path, passthrough=False, admin="root-key").identify(asking("Bearer root-key"))
    assert caller is not None
    assert (caller.principal, caller.tier, caller.permissions) == ("admin", "T5", frozenset({"*"}))


def test_without_an_operators_key_nobody_is_the_operator(tmp_path: Path) -> None:
    plugin = signing_in(tmp_path, passthrough=False, admin="")
    assert plugin.identify(asking("Bearer ")) is None
    assert plugin.identify(asking("Bearer root-key")) is None


@pytest.mark.parametrize(("model_api", "known"), [(False, True), (True, False)])
def test_our_own_routes_take_an_api_key_header_and_the_model_api_does_not(
    tmp_path: Path, model_api: bool, known: bool
) -> None:
    caller = signing_in(tmp_path).identify(asking(None, model_api=model_api, x_api_key="lk-alice"))
    assert (caller is not None) is known


def test_a_bearer_token_goes_before_an_api_key_header(tmp_path: Path) -> None:
    exchange = asking("Bearer lk-bob", model_api=False, x_api_key="lk-alice")
    caller = signing_in(tmp_path).identify(exchange)
    assert caller is not None
    assert caller.owner is None


def test_before_it_has_started_it_knows_nobody() -> None:
    assert SignIn().identify(asking("Bearer lk-alice")) is None
    assert SignIn().identify(asking("Bearer sk-mine")) is None


def test_it_behaves(tmp_path: Path) -> None:
    plugin_kit(signing_in(tmp_path)).check()
