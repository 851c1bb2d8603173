"""Each line that holds a promise about governing is guarded: where it is changed, a named test turns red."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("gateway", "plugins", "policies", "identity", "storage", "perf")
SECONDS = 60


class Mutant(NamedTuple):
    """A line as it stands, what it becomes, and the test that must not bear it."""

    promise: str
    file: str
    line: str
    becomes: str
    test: str


DECISION, TEST_DECISION = "policies/modulation/decision.py", "tests/policies/modulation/test_decision.py"
CALLS, TEST_CALLS = "plugins/tool_governance/calls.py", "tests/plugins/tool_governance/test_calls.py"
DECIDE, TEST_DECIDE = "gateway/decide.py", "tests/gateway/test_decide.py"
MUTANTS = (
    Mutant(
        "risk never loosens",
        DECISION,
        "result = tighter_of(lane.parameter, tight, others)",
        "result = tight",
        f"{TEST_DECISION}::test_what_risk_would_loosen_is_what_the_others_gave",
    ),
    Mutant(
        "more risk never loosens",
        DECISION,
        "tight = tightest(lane.parameter.kind, span, lane.parameter.words)",
        "pass",
        f"{TEST_DECISION}::test_a_map_that_falls_and_rises_again_stays_as_tight_as_it_was",
    ),
    Mutant(
        "over a websocket calls are asked about",
        "gateway/websocket/calls.py",
        "refusal = await refusal_of(self._allow_tool, item.exchange, call.tool_call())",
        "refusal = None",
        "tests/gateway/websocket/test_calls.py::test_no_call_outside_the_list_is_delivered_however_it_is_told[100-named]",
    ),
    Mutant(
        "bounds clamp",
        "policies/modulation/policy.py",
        "return self.low if value < self.low else self.high if value > self.high else value",
        "return value",
        f"{TEST_DECISION}::test_everything_stays_within_its_bounds_and_is_explained[100]",
    ),
    Mutant(
        "below its activation a signal is nothing",
        DECISION,
        "if level >= activation and level > 0",
        "if level > 0",
        f"{TEST_DECISION}::test_below_its_activation_a_signal_changes_nothing",
    ),
    Mutant(
        "feedback stays within its bounds",
        DECISION,
        "delta = bounds[0] if delta < bounds[0] else bounds[1] if delta > bounds[1] else delta",
        "pass",
        f"{TEST_DECISION}::test_feedback_comes_after_within_its_bounds_and_the_policys",
    ),
    Mutant(
        "a cap holds against whoever decided",
        DECISION,
        "value = tighter_of(lane.parameter, value, now)",
        "value = now",
        f"{TEST_DECISION}::test_caps_hold_whoever_decided_and_where_nobody_did",
    ),
    Mutant(
        "what the client set is only ever lowered",
        "policies/modulation/sent.py",
        "if before.__class__ in (int, float) and before <= value:",
        "if False:",
        "tests/policies/modulation/test_sent.py::test_what_the_client_set_is_only_ever_lowered",
    ),
    Mutant(
        "a risk is heard whatever the budget",
        "policies/modulation/homeostasis.py",
        "            admitted.append(each)\n            because +=",
        "            because +=",
        "tests/policies/modulation/test_homeostasis.py::test_a_risk_acts_whatever_the_budget_says",
    ),
    Mutant(
        "the flag makes strict",
        "plugins/modulation/caps.py",
        "caps = [_FLAG] if flag else []",
        "caps = []",
        "tests/plugins/modulation/test_caps.py::test_every_reason_to_be_strict_is_named",
    ),
    Mutant(
        "a lock makes strict",
        "plugins/modulation/caps.py",
        "caps.append(_LOCK)",
        "pass",
        "tests/plugins/modulation/test_caps.py::test_every_reason_to_be_strict_is_named",
    ),
    Mutant(
        "in shadow nothing is done",
        "plugins/modulation/plugin.py",
        "msgspec.structs.replace(found.nudge, applied=False)",
        "found.nudge",
        "tests/plugins/modulation/test_plugin.py::test_what_the_upstream_receives",
    ),
    Mutant(
        "what is not applied is not made",
        DECIDE,
        "if isinstance(answer, Nudge) and answer.applied:",
        "if isinstance(answer, Nudge):",
        f"{TEST_DECIDE}::test_what_is_not_applied_is_not_made_and_governs_nothing",
    ),
    Mutant(
        "levels that are not applied do not act",
        DECIDE,
        "answer.levels.items() if answer.applied else ()",
        "answer.levels.items()",
        f"{TEST_DECIDE}::test_levels_that_are_not_applied_do_not_act",
    ),
    Mutant(
        "strict stays strict",
        DECIDE,
        ' and exchange.safety_mode != "strict"',
        "",
        f"{TEST_DECIDE}::test_a_later_plugin_neither_ends_strict_mode_nor_lengthens_the_list_of_tools",
    ),
    Mutant(
        "a list of tools only gets shorter",
        DECIDE,
        "allowed if exchange.allowed_tools is None else allowed & exchange.allowed_tools",
        "allowed",
        f"{TEST_DECIDE}::test_a_later_plugin_neither_ends_strict_mode_nor_lengthens_the_list_of_tools",
    ),
    Mutant(
        "a client's level lowers nothing",
        "plugins/signals/plugin.py",
        "elif level > levels.get(name, 0.0):",
        "else:",
        "tests/plugins/signals/test_plugin.py::test_a_client_may_raise_a_level_and_never_lowers_one",
    ),
    Mutant(
        "a blocked call is not delivered",
        "gateway/guard/whole.py",
        "if refusal is not None or hosted_alias",
        "if hosted_alias",
        "tests/gateway/tools/test_loop.py::test_a_blocked_call_is_answered_and_the_exchange_goes_on_strict",
    ),
    Mutant(
        "a blocked call makes strict",
        "gateway/guard/asking.py",
        'exchange.safety_mode = "strict"',
        "pass",
        "tests/gateway/tools/test_loop.py::test_a_blocked_call_is_answered_and_the_exchange_goes_on_strict",
    ),
    Mutant(
        "a hosted call is not run outside the list",
        CALLS,
        "because = terms.against_alias(alias)",
        "because = None",
        f"{TEST_CALLS}::test_a_hosted_call_needs_what_its_offer_needed",
    ),
    Mutant(
        "a call that nobody offered is blocked",
        CALLS,
        "if not offered and (not unseen or stored is not None or exchange.reply is None):",
        "if False:",
        f"{TEST_CALLS}::test_without_tools_no_call_comes_back",
    ),
    Mutant(
        "in strict mode the client's tools are listed",
        "plugins/tool_governance/terms.py",
        "_STRICT if strict else ",
        "",
        f"{TEST_CALLS}::test_after_the_exchange_has_become_strict_only_listed_calls_come_back",
    ),
    Mutant(
        "a call that is told otherwise is not delivered",
        "gateway/guard/asking.py",
        "name = format.stray_call(told, streamed=streamed)",
        "name = None",
        "tests/gateway/tools/test_enforcement_of_strays.py::test_a_stream_may_be_cut_anywhere",
    ),
    Mutant(
        "a run calls what it was made with",
        "gateway/formats/__init__.py",
        "    _RUN: runs,\n",
        "",
        "tests/gateway/tools/test_enforcement_of_runs.py::test_whatever_gives_a_run_is_governed",
    ),
    Mutant(
        "of stored replies each is judged by its own tools",
        "gateway/guard/whole.py",
        "exchange.made_with = found.made_with",
        "pass",
        "tests/gateway/test_read_again.py::test_in_a_list_each_chat_is_judged_by_its_own_tools",
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.promise.replace(" ", "_"))
def test_a_line_that_is_changed_turns_a_test_red(mutant: Mutant, tmp_path: Path) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.line) == 1, f"{mutant.file} has this line {text.count(mutant.line)} times: {mutant.line}"
    _shadow(tmp_path, mutant.file, text.replace(mutant.line, mutant.becomes))
    done = _tried(tmp_path, mutant.test)
    assert done.returncode == 1, f"{mutant.test} bears it:\n{done.stdout}{done.stderr}"
    assert " failed" in done.stdout, done.stdout


def test_unchanged_lines_leave_them_green(tmp_path: Path) -> None:
    _shadow(tmp_path, DECISION, (ROOT / DECISION).read_text(encoding="utf-8"))
    done = _tried(tmp_path, *sorted({mutant.test for mutant in MUTANTS}))
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def _shadow(folder: Path, changed: str, text: str) -> None:
    """Makes a tree like ours of links, in which one file is another."""
    for name in (*ROOMS, "tests", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    at = Path()
    for part in Path(changed).parts[:-1]:
        at /= part
        (folder / at).unlink()
        (folder / at).mkdir()
        for each in (ROOT / at).iterdir():
            if each.name != "__pycache__":
                (folder / at / each.name).symlink_to(each)
    (folder / changed).unlink()
    (folder / changed).write_text(text, encoding="utf-8")


def _tried(folder: Path, *tests: str) -> "subprocess.CompletedProcess[str]":
    # Bytecode is read where it is there; what is written from here would name files that are gone soon.
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
