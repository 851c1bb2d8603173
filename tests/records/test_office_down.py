"""What happens to records when the office, or its warehouse, does not work: nothing is lost, nothing counts twice."""

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseBusy
from tests.builders.served import Served, eventually, served
from tests.records.asking import SETTINGS, asked, rows, said_by_model


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that survives what tests do to its office."""
    with served(tmp_path_factory.mktemp("lasting"), "--simulate", settings=SETTINGS) as running:
        yield running


def ready(running: Served) -> dict[str, object]:
    return dict(httpx.get(f"{running.url}/readyz").json())


def test_a_killed_office_comes_back_and_has_everything_once(lasting: Served) -> None:
    sent = [said_by_model(lasting) for _ in range(5)]
    eventually(lambda: rows(lasting, "SELECT count(*) FROM exchanges") == [[5]])
    sent += [said_by_model(lasting) for _ in range(3)]
    (office,) = lasting.pids("office")
    os.kill(office, signal.SIGKILL)
    sent += [said_by_model(lasting) for _ in range(3)]
    eventually(lambda: asked(lasting, "/docs").status_code == 200)
    eventually(lambda: rows(lasting, "SELECT count(*) FROM exchanges") == [[len(sent)]])
    found = rows(lasting, "SELECT audit_id, count(*) FROM exchanges GROUP BY ALL ORDER BY 1")
    assert found == [[audit_id, 1] for audit_id in sorted(sent)]
    assert ready(lasting)["status"] == "ready"


def test_a_warehouse_that_cannot_be_opened_is_told_and_only_older_records_wait_for_it(lasting: Served) -> None:
    (office,) = lasting.pids("office")
    other = Warehouse(lasting.data)
    os.kill(office, signal.SIGSTOP)
    os.kill(office, signal.SIGKILL)
    eventually(lambda: _opened(other))
    try:
        eventually(lambda: "is open already" in str(ready(lasting)))
        assert ready(lasting)["status"] == "degraded"
        audit_id = said_by_model(lasting)
        assert asked(lasting, f"/audit/{audit_id}").status_code == 200
        assert audit_id in asked(lasting, "/audit").text
        unknown = asked(lasting, "/audit/A-00000000-0000-7000-8000-000000000000")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "records_unavailable")
        sql = httpx.post(f"{lasting.url}/sql", json={"sql": "SELECT 1"}, headers={"x-api-key": "lk-ada"})
        assert (sql.status_code, sql.json()["error"]["code"]) == (503, "sql_busy")
    finally:
        other.close()
    eventually(lambda: ready(lasting)["status"] == "ready", 15)
    eventually(lambda: rows(lasting, f"SELECT count(*) FROM exchanges WHERE audit_id = '{audit_id}'") == [[1]])


def _opened(warehouse: Warehouse) -> bool:
    """Opens it in the moment in which no office has it."""
    try:
        warehouse.open()
    except WarehouseBusy:
        return False
    return True
