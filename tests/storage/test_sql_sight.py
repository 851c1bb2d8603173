"""Whatever a caller asks, however it is put together, no row of another caller is in the answer."""

from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as some

from storage.sql_check import SqlRefused
from storage.sql_sandbox import Sandbox
from tests.builders.segments import Writer, exchange, moment
from tests.builders.warehouses import warehouse

VIEWS = (
    *("exchanges", "attempts", "tool_calls", "incidents", "signals", "changes", "moderation", "feedback"),
    *("usage_daily", "latency_minute"),
)
NAMES = some.sampled_from([*VIEWS, "mine", "x"])
SHOWN = some.sampled_from(
    ["*", "max(caller) AS caller", "list(DISTINCT caller) AS callers", "count(*) AS caller", "COLUMNS('.*er')", "#1"]
)
CONDITIONS = some.sampled_from(
    [
        "",
        " WHERE true",
        " WHERE caller <> 'key:ada'",
        " WHERE caller = 'key:bob' OR true",
        " WHERE caller IS NULL OR caller > 'key:a'",
        " WHERE EXISTS (FROM exchanges AS e WHERE e.caller = 'key:bob')",
        " WHERE CASE WHEN caller LIKE '%bob' THEN error(caller) ELSE true END",
        " ORDER BY ALL DESC LIMIT 3",
    ]
)


def joined(parts: tuple[str, str, str]) -> str:
    left, kind, right = parts
    return f"({left}) AS l {kind} ({right}) AS r" + ("" if kind in ("CROSS JOIN", "POSITIONAL JOIN") else " ON true")


def grown(smaller: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
    kinds = some.sampled_from(["JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "POSITIONAL JOIN", "SEMI JOIN"])
    sources = some.one_of(smaller.map("({}) AS s".format), some.tuples(smaller, kinds, smaller).map(joined))
    return some.one_of(
        some.builds("SELECT {} FROM {}{}".format, SHOWN, sources, CONDITIONS),
        some.builds("({}) {} BY NAME ({})".format, smaller, some.sampled_from(["UNION", "UNION ALL"]), smaller),
        some.builds("WITH {0} AS ({1}) SELECT * FROM {0}".format, NAMES, smaller),
        some.builds("WITH {} AS ({}) {}".format, NAMES, smaller, smaller),
        some.builds(
            "SELECT ({}) AS inner_one, * FROM exchanges".format,
            smaller.map("SELECT to_json(list(t)) FROM ({}) t".format),
        ),
    )


QUESTIONS = some.recursive(
    some.builds("SELECT {} FROM {}{}".format, SHOWN, some.sampled_from(VIEWS), CONDITIONS), grown, max_leaves=4
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Rows of Ada and of Bob in every view, some of them in Parquet; Bob's name stands in all of his."""
    data = tmp_path_factory.mktemp("data")
    writer = Writer(data)
    writer.segment()
    for number in range(8):
        who = "ada" if number % 2 else "bob"
        writer.append(*exchange(f"A-{who}-{number}", at=number * 20_000.0, caller=f"key:{who}", model=f"for-{who}"))
        for event in ("incident", "feedback", "tool_call"):
            writer.append({"event": event, "audit_id": f"A-{who}-{number}", "at": moment(), "caller": f"key:{who}"})
    with warehouse(data) as opened:
        opened.archive(date(2026, 3, 15))
        sandbox = Sandbox(opened, opened.folder)
        yield sandbox
        sandbox.close()


def said(sandbox: Sandbox, question: str, principal: str | None) -> bytes:
    """Everything that comes back, the reason of a refusal included."""
    try:
        return sandbox.query(question, principal=principal).body
    except SqlRefused as refused:
        return str(refused).replace("'key:bob'", "").encode()


@given(QUESTIONS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_of_bob_is_in_what_ada_is_told(sandbox: Sandbox, question: str) -> None:
    assert b"bob" not in said(sandbox, question, "key:ada"), question


def test_these_questions_do_reach_for_the_rows_of_others(sandbox: Sandbox) -> None:
    assert find(QUESTIONS.filter(lambda each: "WITH" in each), lambda each: b"bob" in said(sandbox, each, None))
