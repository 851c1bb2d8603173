"""Settings that turn everybody away start, and say so."""

import pytest

from gateway.settings import Auth, Key, Server, Settings, Upstream
from gateway.soundness import warnings_of

KEYS = Auth(keys=(Key("lk-1"),))
PAID = Upstream(api_key="sk-1")
ADMIN = {"LUKHAS_ADMIN_KEY": "lk-admin"}


@pytest.mark.parametrize(
    ("settings", "environ", "says"),
    [
        (Settings(server=Server(host="0.0.0.0")), {}, "Nobody can call this gateway"),
        (Settings(auth=KEYS), {}, "answered with 503"),
        (Settings(), ADMIN, "answered with 503"),
    ],
    ids=["open to all and nobody known", "keys that nobody pays for", "an admin whom nobody pays for"],
)
def test_what_turns_callers_away_is_said(settings: Settings, environ: dict[str, str], says: str) -> None:
    (warning,) = warnings_of(settings, environ)
    assert says in warning


@pytest.mark.parametrize(
    ("settings", "simulated"),
    [
        (Settings(), False),
        (Settings(auth=KEYS, upstream=PAID, server=Server(host="0.0.0.0")), False),
        (Settings(auth=KEYS), True),
        (Settings(chain=("mine.py", "default"), server=Server(host="0.0.0.0")), False),
    ],
    ids=["passing through", "keys and who pays", "a simulated upstream", "a plugin that may know callers"],
)
def test_what_serves_somebody_is_passed_over(settings: Settings, simulated: bool) -> None:
    assert list(warnings_of(settings, {}, simulated=simulated)) == []
