"""Which models and endpoints a tier or a key includes."""

from pathlib import Path
from typing import Any

import pytest

from gateway import Caller, Exchange, Refusal
from gateway.exchange import Request
from gateway.settings import Auth, Key, Policies, Settings
from gateway.testing import a_caller, an_exchange, plugin_kit, started
from plugins.tier_check import TierCheck
from policies.document import DocumentError

TABLE = """
order: [T1, T2, T3]
models: {T1: [gpt-4o-mini], T2: ["gpt-4o*"], T3: ["*"]}
endpoints: {T1: [chat.completions, models, "models.*", other], T2: ["*"]}
model_endpoints: [chat.completions, embeddings, audio.transcriptions, other]
"""


def checking(folder: Path, table: str = TABLE) -> TierCheck:
    (folder / "tiers.yaml").write_text(table)
    plugin = TierCheck()
    plugin.startup(started(folder, Settings(policies=Policies(str(folder)))))
    return plugin


def code(refusal: Refusal | None) -> str | None:
    return refusal.code if refusal is not None else None


@pytest.mark.parametrize(
    ("tier", "model", "refused"),
    [
        ("T1", "gpt-4o-mini", None),
        ("T1", "gpt-4o", "tier_too_low"),
        ("T2", "gpt-4o", None),
        ("T2", "o3", "tier_too_low"),
        ("T3", "o3", None),
        ("T9", "gpt-4o-mini", "tier_too_low"),
    ],
)
def test_a_tier_includes_its_models(tmp_path: Path, tier: str, model: str, refused: str | None) -> None:
    assert code(checking(tmp_path).admit(an_exchange(model=model, caller=a_caller(tier)))) == refused


def test_a_refusal_names_tier_and_model_and_points_at_the_model(tmp_path: Path) -> None:
    refusal = checking(tmp_path).admit(an_exchange(model="o3", caller=a_caller("T1")))
    assert refusal is not None
    assert (refusal.status, refusal.param) == (403, "model")
    assert refusal.message == "The tier T1 does not include the model o3."


def test_a_model_of_any_length_is_repeated_in_a_few_words(tmp_path: Path) -> None:
    for caller in (a_caller("T1"), a_caller("T3", models=("gpt-4o",))):
        refusal = checking(tmp_path).admit(an_exchange(model="o" * 100_000, caller=caller))
        assert refusal is not None
        assert len(refusal.message) < 300


@pytest.mark.parametrize(
    ("models", "model", "refused"),
    [
        (("gpt-4o",), "gpt-4o", None),
        (("gpt-4o",), "gpt-4o-mini", "model_not_allowed"),
        (("gpt-*",), "gpt-4o-mini", None),
        ((), "gpt-4o", "model_not_allowed"),
        (("o3",), "o3", "tier_too_low"),
        (None, "gpt-4o", None),
    ],
)
def test_a_key_may_be_for_certain_models_of_its_tier_alone(
    tmp_path: Path, models: tuple[str, ...] | None, model: str, refused: str | None
) -> None:
    assert code(checking(tmp_path).admit(an_exchange(model=model, caller=a_caller("T2", models=models)))) == refused


@pytest.mark.parametrize(
    ("tier", "path", "refused"),
    [("T1", "/v1/embeddings", "tier_too_low"), ("T2", "/v1/embeddings", None), ("T1", "/v1/chat/completions", None)],
)
def test_a_tier_includes_its_endpoints(tmp_path: Path, tier: str, path: str, refused: str | None) -> None:
    exchange = an_exchange({"model": "gpt-4o-mini"}, path=path, caller=a_caller(tier))
    assert code(checking(tmp_path).admit(exchange)) == refused


ONLY_MINI = a_caller("T3", models=("gpt-4o-mini",))
ALL_MODELS = a_caller("T3")


@pytest.mark.parametrize(
    ("caller", "method", "path", "refused"),
    [
        (ONLY_MINI, "POST", "/v1/chat/completions", "model_required"),
        (ONLY_MINI, "POST", "/v1/unheard/of", "model_required"),
        (ONLY_MINI, "GET", "/v1/models", None),
        (ONLY_MINI, "POST", "/v1/files", None),
        (a_caller("T2"), "POST", "/v1/chat/completions", "model_required"),
        (ALL_MODELS, "POST", "/v1/chat/completions", None),
        (ALL_MODELS, "POST", "/v1/unheard/of", None),
    ],
)
def test_who_may_not_use_all_models_must_name_one_where_one_is_used(
    tmp_path: Path, caller: Caller, method: str, path: str, refused: str | None
) -> None:
    exchange = an_exchange(b"{}", method=method, path=path, caller=caller)
    assert code(checking(tmp_path).admit(exchange)) == refused


@pytest.mark.parametrize(
    ("fields", "refused"),
    [({"model": "gpt-4o-mini"}, None), ({"model": "o3"}, "model_not_allowed"), ({}, "model_required")],
)
def test_a_form_names_its_model_in_a_field(tmp_path: Path, fields: dict[str, str], refused: str | None) -> None:
    exchange = an_exchange(b"", path="/v1/audio/transcriptions", caller=ONLY_MINI)
    exchange.request = Request(exchange.endpoint, None, None, fields)
    assert code(checking(tmp_path).admit(exchange)) == refused


@pytest.mark.parametrize("model", [5, ["gpt-4o-mini"], {"a": 1}, True])
@pytest.mark.parametrize("caller", [ONLY_MINI, ALL_MODELS])
def test_a_model_that_is_no_name_is_refused_to_everyone(tmp_path: Path, model: Any, caller: Caller) -> None:
    refusal = checking(tmp_path).admit(an_exchange({"model": model}, caller=caller))
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.param) == (400, "invalid_model", "model")


def test_a_model_of_null_is_none(tmp_path: Path) -> None:
    assert code(checking(tmp_path).admit(an_exchange({"model": None}, caller=ALL_MODELS))) is None
    assert code(checking(tmp_path).admit(an_exchange({"model": None}, caller=ONLY_MINI))) == "model_required"


def nobodys(exchange: Exchange) -> Exchange:
    exchange.caller = None
    return exchange


def test_nobody_and_a_table_that_was_not_read_are_turned_away(tmp_path: Path) -> None:
    assert code(checking(tmp_path).admit(nobodys(an_exchange()))) == "tiers_missing"
    assert code(TierCheck().admit(an_exchange())) == "tiers_missing"


def test_a_key_with_an_unknown_tier_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "tiers.yaml").write_text(TABLE)
    settings = Settings(
        auth=Auth(keys=(Key("lk-a", tier="T1"), Key("lk-b", tier="T7"))), policies=Policies(str(tmp_path))
    )
    with pytest.raises(DocumentError, match=r"auth\.keys\[1\]\.tier: unknown tier 'T7'; known: T1, T2, T3\."):
        TierCheck().startup(started(tmp_path, settings))


@pytest.mark.parametrize(
    ("passthrough", "admin_key", "named"),
    [(True, None, "auth.passthrough: .* the tier T1, which"), (False, "a", "LUKHAS_ADMIN_KEY has the tier T5, which")],
    ids=["passed through", "admin"],
)
def test_a_table_without_the_tiers_of_other_callers_stops_the_start(
    tmp_path: Path, passthrough: bool, admin_key: str | None, named: str
) -> None:
    (tmp_path / "tiers.yaml").write_text("{order: [free, pro], models: {}, endpoints: {}}")
    settings = Settings(auth=Auth(passthrough=passthrough), policies=Policies(str(tmp_path)))
    with pytest.raises(DocumentError, match=named):
        TierCheck().startup(started(tmp_path, settings, admin_key))


def test_it_behaves(tmp_path: Path) -> None:
    plugin_kit(checking(tmp_path)).check()
