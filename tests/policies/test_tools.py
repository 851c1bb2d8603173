"""The rules for tools: what the shipped ones say, what an operator may write, and what is wrong with the rest."""

from pathlib import Path

import pytest

from policies.document import DocumentError
from policies.tools import FILE, LONGEST_NAME, ToolRules, fits, load_tool_rules


def rules(folder: Path, text: str) -> ToolRules:
    (folder / FILE).write_text(text)
    return load_tool_rules(folder)


def test_the_shipped_rules_are_the_defaults_of_the_types() -> None:
    assert load_tool_rules(None) == ToolRules()


def test_the_shipped_rules_let_the_clients_own_tools_through_and_open_no_host() -> None:
    shipped = load_tool_rules(None)
    assert (shipped.client_tools, shipped.listed, shipped.refuses_unseen) == ("pass", (), False)
    assert (shipped.hosted, shipped.browser.hosts, shipped.scheduler.hosts) == (("*",), (), ())


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("client_tools: listed", True),
        ("client_tools: listed\nunseen: pass", False),
        ("unseen: refuse", True),
        ("client_tools: pass", False),
    ],
)
def test_a_list_turns_away_what_cannot_be_read_unless_that_is_accepted(
    text: str, refuses: bool, tmp_path: Path
) -> None:
    assert rules(tmp_path, text).refuses_unseen is refuses


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("client_tools: some", "line 1, client_tools: invalid enum value 'some'; allowed: pass, listed."),
        ("listed:\n  - 5", "line 2, listed[0]: expected text, got a whole number."),
        ("listed: ['']", "line 1, listed[0]: expected text of length >= 1."),
        ("client_tool: pass", "Did you mean 'client_tools'?"),
        ("budgets: {steps: 0}", "line 1, budgets.steps: expected a whole number >= 1."),
        ("browser: {hosts: ['https://example.com']}", "browser.hosts[0]: 'https://example.com' is no host"),
        ("scheduler: {hosts: ['example.com:https']}", "scheduler.hosts[0]: 'example.com:https' is no host"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as raised:
        rules(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / FILE))
    assert said in str(raised.value)


def test_a_pattern_fits_any_of_a_tools_names() -> None:
    assert fits(("retrieval",), "retrieval", "retrieve_knowledge")
    assert fits(("retrieve_*",), "retrieval", "retrieve_knowledge")
    assert not fits(("browser", "Retrieval"), "retrieval", "retrieve_knowledge")
    assert not fits((), "retrieval")


def test_nothing_but_a_star_fits_no_name_or_a_name_that_is_too_long() -> None:
    long = "a" * (LONGEST_NAME + 1)
    assert not fits(("a*", long, "?*"), long, "")
    assert fits(("*",), long)
    assert fits(("*",), "")
