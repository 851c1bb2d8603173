"""Workers: what one of them learns and the others have to know, and what each may keep to itself."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.builders.served import eventually
from tests.interactions.crossing import ADMIN, AUDIT_ID, RISKY, SAFETY_MODE, Crossing

SAYS = "Write a short poem about the harbour of Bergen in autumn."
SOON = 5.0


def seconds_until_each_worker(gateway: Crossing, is_so: Callable[[], bool]) -> float:
    """How long it takes until something is so whichever worker has the request."""
    began = time.monotonic()
    for worker in gateway.workers():
        with gateway.alone(worker):
            eventually(is_so, 2 * SOON - 2)
    return time.monotonic() - began


def test_a_record_is_found_whichever_worker_carried_the_exchange(gateway: Crossing) -> None:
    first, second = gateway.workers()
    for carries, answers in ((first, second), (second, first)):
        with gateway.alone(carries):
            audit_id = gateway.chat(gateway.somebody(), SAYS).headers[AUDIT_ID]
        with gateway.alone(answers):
            assert gateway.page(f"/audit/{audit_id}").json()["outcome"] == "answered"


def test_a_cooldown_is_each_workers_own(gateway: Crossing) -> None:
    first, second = gateway.workers()
    key = gateway.somebody("enforce")

    with gateway.alone(first):
        gateway.chat(key, SAYS, {"x-lukhas-signals": "urgency=0.9"})
        assert "max_completion_tokens" in gateway.sent()
        gateway.chat(key, SAYS)
        assert "max_completion_tokens" in gateway.sent()
    with gateway.alone(second):
        gateway.chat(key, SAYS)
        assert "max_completion_tokens" not in gateway.sent()


def test_a_lock_holds_in_every_worker_within_five_seconds_and_so_does_its_release(gateway: Crossing) -> None:
    key = gateway.somebody("enforce")
    card: dict[str, Any] = {"rating": 1}
    for _ in range(6):
        card["target_action_id"] = gateway.chat(key, SAYS, RISKY).headers[AUDIT_ID]
        answer = gateway.http.post(f"{gateway.url}/feedback/card", json=card, headers={"x-api-key": key})
        assert answer.status_code == 200, answer.text

    def mode() -> str:
        return str(gateway.chat(key, SAYS).headers[SAFETY_MODE])

    assert seconds_until_each_worker(gateway, lambda: mode() == "strict") < SOON
    (held,) = gateway.page("/admin/locks").json()["locks"]
    gateway.http.delete(f"{gateway.url}/admin/locks", params={"caller": held["caller"]}, headers=ADMIN)
    assert seconds_until_each_worker(gateway, lambda: mode() == "balanced") < SOON


def test_a_flag_holds_in_every_worker_within_five_seconds(gateway: Crossing) -> None:
    key = gateway.somebody("enforce")

    def is_in(mode: str) -> bool:
        return bool(gateway.chat(key, SAYS).headers[SAFETY_MODE] == mode)

    for value, expected in ((True, "strict"), (False, "balanced")):
        answer = gateway.http.put(f"{gateway.url}/admin/flags", json={"STRICT_DEFAULT": value}, headers=ADMIN)
        assert answer.status_code == 200, answer.text
        assert seconds_until_each_worker(gateway, partial(is_in, expected)) < SOON


def test_blocked_calls_are_counted_over_all_workers_and_tighten_in_every_one(gateway: Crossing) -> None:
    key, asking = gateway.somebody(), {"x-lukhas-tools": "retrieval"}
    first, second = gateway.workers()
    for worker, times in ((first, 3), (second, 2)):
        with gateway.alone(worker):
            for _ in range(times):
                gateway.chat(key, "!tool retrieve_knowledge {}")

    def is_withheld() -> bool:
        gateway.chat(key, SAYS, asking)
        return "tools" not in gateway.sent()

    assert seconds_until_each_worker(gateway, is_withheld) < SOON
    gateway.chat(gateway.somebody(), SAYS, asking)
    assert len(gateway.sent()["tools"]) == 1
