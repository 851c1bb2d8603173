"""Records are asked alike however the gateway runs, wherever its data folder is, and when it runs no more."""

from pathlib import Path

from tests.builders.served import eventually, served
from tests.records.asking import SETTINGS, asked, printed, rows, said_by_model


def test_one_process_keeps_and_answers_all_of_it(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", "--one-process", settings=SETTINGS) as running:
        audit_id = said_by_model(running)
        assert asked(running, f"/audit/{audit_id}").status_code == 200
        eventually(lambda: rows(running, "SELECT audit_id FROM exchanges") == [[audit_id]])
        assert printed(running, "SELECT audit_id FROM exchanges") == [{"audit_id": audit_id}]


def test_a_data_folder_deep_down_is_asked_like_any_other_and_still_after_the_stop(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with served(deep, "--simulate", settings=SETTINGS) as running:
        audit_id = said_by_model(running)
        eventually(lambda: rows(running, "SELECT audit_id FROM exchanges") == [[audit_id]])
        assert printed(running, "SELECT audit_id FROM exchanges") == [{"audit_id": audit_id}]
    assert printed(running, "SELECT audit_id FROM exchanges") == [{"audit_id": audit_id}]
