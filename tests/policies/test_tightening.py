"""The rules about blocked calls: what they may say, and where a wrong one is."""

from pathlib import Path

import pytest

from policies.document import DocumentError
from policies.tightening import TighteningRule, counts, fault_of
from policies.tools import load_tool_rules

RULE = "blocked: 3, within_seconds: 60, for_seconds: 60"
WRONG = {
    f"tightening: [{{{RULE}}}]": "tightening[0]: needs the key `name`",
    f"tightening: [{{name: a, {RULE}}}, {{name: a, {RULE}}}]": "tightening[1].name: the name 'a' stands here twice",
    "tightening: [{name: a, blocked: 0, within_seconds: 60, for_seconds: 60}]": "tightening[0].blocked",
    "tightening: [{name: a, blocked: 1, within_seconds: 86401, for_seconds: 60}]": "tightening[0].within_seconds",
    f"tightening: [{{name: a, {RULE}, withhold: some}}]": "tightening[0].withhold",
    f"tightening: [{{name: a, {RULE}, tol: [x]}}]": "Did you mean 'tools'?",
    "webhook: {networks: [10.0.0.0/8, home]}": "webhook.networks[1]: 'home' does not appear to be",
    "webhook: {rules: [{name: a, above: 1}]}": "webhook.rules[0]: needs one of the keys `url` and `url_variable`",
    "webhook: {rules: [{name: a, above: 1, url: 'https://x.example'}]}": "webhook.rules[0].url: its host",
    "webhook: {hosts: [x.example], rules: [{name: a, above: 1, url: 'http://x.example'}]}": "https://",
}


def read(folder: Path, text: str) -> tuple[TighteningRule, ...]:
    (folder / "tools.yaml").write_text(text)
    return load_tool_rules(folder).tightening


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_wrong_rule_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(tmp_path, text)
    assert WRONG[text] in str(error.value)
    assert "tools.yaml" in str(error.value)


def test_what_a_rule_does_not_say_is_the_milder(tmp_path: Path) -> None:
    (rule,) = read(tmp_path, f"tightening: [{{name: a, {RULE}}}]")
    assert (rule.withhold, rule.tools, rule.strict) == ("tool", ("*",), False)


def test_the_shipped_rule_withholds_hosted_tools_alone() -> None:
    (repeated,) = load_tool_rules(None).tightening
    assert (repeated.withhold, repeated.strict) == ("tool", False)
    assert all(counts(repeated, tool) for tool in ("browser", "code_exec", "retrieval", "scheduler"))
    assert not counts(repeated, "get_weather")


def test_an_address_is_https_at_a_host_that_is_named() -> None:
    hosts = ("Hooks.example",)
    assert fault_of("https://hooks.example/services/x", hosts) is None
    assert fault_of("https://HOOKS.EXAMPLE:8443/x", hosts) is None
    for address in ("http://hooks.example", "https://x.hooks.example", "https://a:b@hooks.example", "https://", "x"):
        assert fault_of(address, hosts) is not None


def test_a_document_that_says_nothing_of_it_has_the_shipped_rules_and_an_empty_list_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, "client_tools: pass") == load_tool_rules(None).tightening
    assert read(tmp_path, "tightening: []") == ()
