"""The plugin is asked as the gateway asks it, and its answers are compared."""

from typing import Any

from lukhas_no_secrets.plugin import NoSecrets

from gateway import Hold, Nudge, Redact, Refusal, Release, Set
from gateway.testing import a_call, a_window, an_exchange, plugin_kit

KEY = "sk-abcdefghijklmnopqrstuvwx"


def a_plugin(**settings: Any) -> NoSecrets:
    return NoSecrets(NoSecrets.Settings(**settings))


def test_a_prompt_with_a_key_is_refused_without_repeating_the_key() -> None:
    refusal = a_plugin().judge(an_exchange(f"Why is {KEY} rejected?"))

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code, refusal.param) == (400, "secret_in_prompt", "messages.0.content")
    assert KEY not in refusal.message


def test_a_prompt_without_a_key_is_nothing_to_speak_of() -> None:
    assert a_plugin().judge(an_exchange("What does sk- stand for, and what is a desk-top?")) is None


def test_a_prompt_with_a_key_is_masked_where_the_operator_wants_that() -> None:
    plugin = a_plugin(prompts="mask")
    exchange = an_exchange(f"Why is {KEY} rejected?")

    assert plugin.judge(exchange) is None
    assert plugin.shape(exchange) == Nudge(
        (Set(("messages", 0, "content"), "Why is [key removed] rejected?"),), because="1 texts held API keys"
    )


def test_what_looks_like_a_key_is_the_operators_choice() -> None:
    plugin = a_plugin(prefixes=("acme_",), least=4)

    assert plugin.judge(an_exchange(KEY)) is None
    assert plugin.judge(an_exchange("acme_1234")) is not None


def test_a_key_in_a_reply_is_masked() -> None:
    assert a_plugin().watch(an_exchange(), a_window(f"It is {KEY}.")) == Redact(
        "It is [key removed].", because="an API key"
    )


def test_a_window_that_ends_in_half_a_key_waits() -> None:
    assert isinstance(a_plugin().watch(an_exchange(), a_window("It is s")), Hold)
    assert isinstance(a_plugin().watch(an_exchange(), a_window(f"It is {KEY}")), Hold)


def test_a_window_at_the_end_waits_for_nothing() -> None:
    assert a_plugin().watch(an_exchange(), a_window("It is s", last=True)) == Release()


def test_a_word_that_only_ends_like_a_key_is_let_go() -> None:
    assert a_plugin().watch(an_exchange(), a_window("k-abcdefghijklmnopqrstuvwx.", before="a des")) == Release()


def test_the_rest_of_a_key_whose_beginning_has_gone_out_is_masked() -> None:
    assert a_plugin().watch(an_exchange(), a_window(f"{KEY[8:]}.", before=f"It is {KEY[:8]}")) == Redact(
        "[key removed].", because="an API key"
    )


def test_a_call_with_a_key_in_its_arguments_is_refused() -> None:
    refusal = a_plugin().allow_tool(an_exchange(), a_call("post", f'{{"text": "{KEY}"}}'))

    assert isinstance(refusal, Refusal)
    assert KEY not in refusal.message
    assert a_plugin().allow_tool(an_exchange(), a_call("post", '{"text": "hello"}')) is None


def test_the_plugin_behaves_whatever_it_is_given() -> None:
    plugin_kit(a_plugin()).check()
    plugin_kit(a_plugin(prompts="mask")).check()
