"""What passes a running gateway is found at once by its id, and within a second in SQL, by whom it belongs to."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import httpx

from tests.builders.served import Served, eventually, lukhas
from tests.records.asking import asked, printed, rows, said_by_model


@contextmanager
def alone(running: Served, worker: int) -> Iterator[None]:
    """Holds the other workers, so that this one has all requests."""
    others = [pid for pid in running.pids("worker") if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def test_a_record_is_found_at_once_whichever_worker_is_asked(serving: Served) -> None:
    first, second = serving.pids("worker")
    for carries, answers in ((first, first), (first, second), (second, first), (second, second)):
        with alone(serving, carries):
            audit_id = said_by_model(serving)
        with alone(serving, answers):
            found = asked(serving, f"/audit/{audit_id}")
        assert found.status_code == 200, found.text
        assert (found.json()["audit_id"], found.json()["outcome"]) == (audit_id, "answered")
    assert {path.parent.name for path in serving.data.glob("journal/worker-*/*.jsonl")} == {"worker-0", "worker-1"}
    assert all(b'"ended"' in path.read_bytes() for path in serving.data.glob("journal/worker-*/*.jsonl"))


def test_an_exchange_is_in_sql_within_a_second(serving: Served) -> None:
    for _ in range(3):
        audit_id = said_by_model(serving)
        ended = time.monotonic()
        ask = f"SELECT 1 FROM exchanges WHERE audit_id = '{audit_id}'"
        eventually(partial(rows, serving, ask), 1.0)
        assert time.monotonic() - ended < 1.0


def test_the_command_line_asks_while_the_gateway_serves(serving: Served) -> None:
    audit_id = said_by_model(serving)
    time.sleep(0.5)
    ask = f"SELECT outcome, status, model, input_tokens > 0 AS counted FROM exchanges WHERE audit_id = '{audit_id}'"
    assert printed(serving, ask) == [{"outcome": "answered", "status": 200, "model": "gpt-4o-mini", "counted": True}]
    assert len(printed(serving, ask, LUKHAS_KEY="lk-ada")) == 1
    assert printed(serving, ask, LUKHAS_KEY="lk-bob") == []
    wrong = lukhas("sql", "--data", "data", ask, cwd=serving.folder, environ={"LUKHAS_KEY": "lk-wrong"})
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)


def test_callers_see_what_they_sent_themselves(serving: Served) -> None:
    of_ada, of_bob = said_by_model(serving, "lk-ada"), said_by_model(serving, "lk-bob")
    both = f"SELECT audit_id FROM exchanges WHERE audit_id IN ('{of_ada}', '{of_bob}') ORDER BY audit_id"
    eventually(lambda: rows(serving, both) == [[of_ada], [of_bob]])
    assert rows(serving, both, "lk-ada") == [[of_ada]]
    assert asked(serving, f"/audit/{of_bob}", "lk-ada").status_code == 404
    assert asked(serving, f"/audit/view/{of_bob}", "lk-ada").status_code == 404
    assert asked(serving, f"/audit/{of_bob}", "lk-reader").status_code == 200
    listed = {
        key: {each["audit_id"] for each in asked(serving, "/audit", key, limit=200).json()["exchanges"]}
        for key in ("lk-ada", "lk-reader")
    }
    assert {of_ada, of_bob} & listed["lk-ada"] == {of_ada}
    assert {of_ada, of_bob} <= listed["lk-reader"]
    assert asked(serving, "/audit", "lk-wrong").status_code == 401


def test_a_page_explains_an_exchange(serving: Served) -> None:
    page = asked(serving, f"/audit/view/{said_by_model(serving)}")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "asked for gpt-4o-mini at the endpoint chat.completions" in page.text


def test_what_another_runtime_carried_is_found_like_an_exchange(serving: Served) -> None:
    bundle = {"audit_id": "run-0000001", "model": "llama", "outcome": "answered", "note": "from elsewhere"}
    headers = {"x-api-key": "lk-runtime"}
    sent = httpx.post(f"{serving.url}/audit/log", json=bundle, headers=headers)
    assert (sent.status_code, sent.json()) == (200, {"status": "ok", "audit_id": "run-0000001"})
    assert asked(serving, "/audit/run-0000001", "lk-runtime").json()["bundle"]["note"] == "from elsewhere"
    assert httpx.post(f"{serving.url}/audit/log", json=bundle, headers=headers).status_code == 409
    (entry,) = asked(serving, "/audit", "lk-reader", model="llama").json()["exchanges"]
    assert entry["audit_id"] == "run-0000001"
    assert asked(serving, "/audit/run-0000001", "lk-ada").status_code == 404


def test_what_cannot_be_asked_is_400_and_what_nobody_has_is_404(serving: Served) -> None:
    for sql in ("DROP VIEW exchanges", "SELECT * FROM read_text('/etc/passwd')", "SELECT 1; SELECT 2"):
        refused = httpx.post(f"{serving.url}/sql", json={"sql": sql}, headers={"x-api-key": "lk-reader"})
        assert refused.status_code == 400
    for unknown in ("A-00000000-0000-7000-8000-000000000000", "A-' OR 1=1 --", "..%2f..%2fetc%2fpasswd"):
        assert asked(serving, f"/audit/{unknown}", "lk-reader").status_code in (400, 404)
