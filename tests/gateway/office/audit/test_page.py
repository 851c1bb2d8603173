"""The page explains an exchange, shows no empty box, and lets no value out of its place."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.office.audit.page import page
from gateway.office.audit.record import Record
from gateway.office.audit.words import SAFETY
from tests.gateway.office.audit.lines import AUDIT_ID, a_step, an_ended
from tests.gateway.office.audit.test_markup import HOSTILE, Reading
from tests.gateway.office.audit.test_record import JSON

FIELDS = some.sampled_from([field.name for field in msgspec.structs.fields(Record)])
RICH: dict[str, Any] = {
    "safety_mode": "strict",
    "cost": 0.0000372,
    "cost_basis": "gpt-4o-mini from 2024-07-18",
    "signals": {"alignment_risk": {"level": 0.72, "source": "moderation", "because": "violence"}},
    "changes": [
        {"parameter": "temperature", "before": 1, "after": 0.39, "because": "1 - 0.85 x", "signal": "alignment_risk"}
    ],
    "tools": {
        "allowed": ["retrieval"],
        "used": [{"name": "retrieval", "began_ns": 1, "took_ns": 41_000_000, "status": "ok"}],
        "blocked": [{"name": "exec_code", "because": "not listed"}],
    },
    "moderation": [{"of": "input", "verdict": "pass", "because": "below 0.8"}],
    "guardian": {"verdict": "allowed, strict", "because": "risk above 0.3"},
    "explanation": "It looked risky.",
    "degraded": ["no memory"],
    "seal": "s" * 43,
}


def built(line: bytes, *, feedback: bool = False) -> str:
    return page(line, here="http://127.0.0.1:8000", feedback=feedback).decode()


def headings(text: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", text)


def test_what_is_not_known_is_left_out() -> None:
    plain = built(an_ended())
    assert headings(plain) == ["What happened", "Where the time went", "Figures", "On the command line"]
    for word in ("Signals", "guardian", "Tools", "$"):
        assert word not in re.sub(
            r"<style>.*?</style>|<script>.*?</script>|<details.*", "", plain, flags=re.DOTALL
        ).replace("$LUKHAS_KEY", "")


def test_what_is_known_is_all_there() -> None:
    text = built(an_ended(**RICH))
    assert headings(text) == [
        "What happened",
        "Signals",
        "Why it was asked this way",
        "Tools",
        "What was decided",
        "Where the time went",
        "Figures",
        "On the command line",
    ]
    for part in (
        "It looked risky.",
        '<li class="chip">retrieval</li>',
        '<li class="chip red">exec_code: not listed</li>',
        "allowed, strict",
        "41 ms",
        "$0.0000372",
        "gpt-4o-mini from 2024-07-18",
        "no memory",
        'class="why"',
        'class="waterfall"',
    ):
        assert part in text


def test_tools_say_how_long_they_took_and_blocked_calls_why_and_when() -> None:
    used = {"name": "retrieval", "status": "timeout", "began_ns": 1, "took_ns": 2_500_000_000}
    blocked = {"name": "rm", "because": "tool_not_offered", "safety_mode": "strict", "action": "answered for the model"}
    more = {"summary": '{"query": "<b>"}', "tokens": 1234}
    text = built(an_ended(tools={"used": [{**used, **more}], "blocked": [{**blocked, "summary": '{"path": "/"}'}]}))
    row = '<tr><th scope="row">retrieval</th><td>timeout</td><td class="number">2.50 s</td>'
    assert f'{row}<td class="number">1\u202f234</td><td>{{&quot;query&quot;: &quot;&lt;b&gt;&quot;}}</td></tr>' in text
    chip = '<li class="chip red" title="{&quot;path&quot;: &quot;/&quot;}">'
    assert f"{chip}rm: tool_not_offered; in strict mode; answered for the model</li>" in text


@pytest.mark.parametrize(("mode", "colour"), [("strict", "red"), ("balanced", "green"), ("creative", "blue")])
def test_a_safety_mode_has_its_colour_and_its_line(mode: str, colour: str) -> None:
    text = built(an_ended(safety_mode=mode))
    assert SAFETY[mode][0] == colour
    assert f'<span class="badge {colour}" title="{SAFETY[mode][1]}">{mode}</span>' in text


def test_a_plugin_that_broke_makes_the_exchange_degraded() -> None:
    text = built(an_ended(trail=[a_step("observe", "slow", fault="overran")]))
    assert '<span class="badge amber" title="Something was missing: slow broke in observe (overran).">degraded' in text


def test_the_commands_name_this_exchange_and_feedback_only_where_it_is_taken() -> None:
    without, with_it = built(an_ended()), built(an_ended(), feedback=True)
    fetch = f"curl -H &quot;authorization: Bearer $LUKHAS_KEY&quot; http://127.0.0.1:8000/audit/{AUDIT_ID}"
    assert fetch in without and fetch in with_it
    assert "feedback/card" not in without
    assert f"{{&quot;target_action_id&quot;:&quot;{AUDIT_ID}&quot;,&quot;rating&quot;:5" in with_it


def test_an_address_cannot_break_out_of_the_command() -> None:
    text = page(an_ended(), here="http://x/$(rm -rf ~)'; #", feedback=False).decode()
    assert "&#x27;http://x/$(rm -rf ~)&#x27;&quot;&#x27;&quot;&#x27;; #/audit/" in text


def test_the_raw_record_stands_on_the_page_cut_where_it_is_long() -> None:
    assert "&quot;audit_id&quot;: &quot;" in built(an_ended())
    long = built(an_ended(model="x" * 1_000_000))
    assert len(long) < 400_000
    assert "longer than this page shows" in long


def test_a_logged_bundle_says_who_told_it_and_that_nobody_vouches_for_it() -> None:
    line = msgspec.json.encode(
        {"event": "logged", "audit_id": "run-00001", "source": {"principal": "key:x"}, "bundle": {"model": "llama"}}
    )
    assert "reported by key:x. The gateway did not carry it and cannot vouch for it." in built(line)


def test_the_page_needs_nothing_from_elsewhere_and_no_script() -> None:
    read = Reading(built(an_ended(**RICH), feedback=True))
    assert {"link", "img", "iframe", "form", "object", "base", "a"} & set(read.tags) == set()
    names = {name for name, _ in read.attributes}
    assert not any(name.startswith("on") or name in ("style", "src", "href") for name in names)
    assert "button" not in read.tags


def test_pictures_and_tables_can_be_read_without_seeing() -> None:
    text = built(an_ended(**RICH))
    for picture in re.findall("<svg[^>]*>", text):
        assert "aria-label=" in picture or 'aria-hidden="true"' in picture
    assert text.count("<th ") == text.count('<th scope="')
    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1


@given(some.dictionaries(FIELDS, JSON))
@settings(max_examples=200, deadline=None)
def test_no_record_makes_the_page_fail(members: dict[str, Any]) -> None:
    assert page(an_ended(**{**RICH, **members}), here="http://x", feedback=True).startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"signals":' + b"[" * 900 + b"]" * 900 + b"}"]
)
def test_no_line_makes_the_page_fail(line: bytes) -> None:
    assert b"<h1>" in page(line, here="http://x", feedback=True)


def hostile(value: Any, text: str) -> Any:
    """Gives a value with every text in it replaced, keys too where they are names that the page shows."""
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {key: hostile(each, text) for key, each in value.items()}
    return [hostile(each, text) for each in value] if isinstance(value, list) else value


@given(HOSTILE)
def test_no_value_becomes_markup(text: str) -> None:
    trail = [a_step("judge", "rules", {"answer": "refusal", "message": "no"}, fault="raised")]
    rich = {**msgspec.json.decode(an_ended(**RICH)), "trail": trail, "error": "e", "trace_id": "t"}
    keep = {"event": "ended", "audit_id": AUDIT_ID, "started": rich["started"], "ended": rich["ended"]}
    written = f"a{text}a".encode("utf-8", "replace").decode()
    tame, wild = ({**hostile(rich, word), **keep, "signals": {word: 0.5}} for word in ("word", written))
    expected, read = (Reading(built(msgspec.json.encode(line), feedback=True)) for line in (tame, wild))
    assert read.tags == expected.tags
    assert [name for name, _ in read.attributes] == [name for name, _ in expected.attributes]
