"""The folder of one running gateway, and what becomes of those whose gateway is gone."""

import subprocess
import sys
from pathlib import Path

from gateway.processes.run_folder import LONGEST_SOCKET_PATH, RunFolder


def test_it_is_for_this_user_alone_and_goes_with_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "data", 4711)
    assert folder.path == tmp_path / "data" / "run" / "4711"
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert folder.metrics.is_dir()
    folder.close()
    assert list((tmp_path / "data" / "run").iterdir()) == []


def test_two_gateways_of_one_data_folder_leave_each_other_alone(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path, 1), RunFolder(tmp_path, 2)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["1", "2"]
    first.close()
    second.close()


def test_what_a_killed_gateway_left_is_cleared_away(tmp_path: Path) -> None:
    leave = (
        "import os, sys; from pathlib import Path; from gateway.processes.run_folder import RunFolder; "
        "folder = RunFolder(Path(sys.argv[1]), 1); (folder.metrics / 'old').touch(); "
        "print(folder.metrics, flush=True); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", leave, str(tmp_path)], check=False, capture_output=True, text=True)
    assert (Path(killed.stdout.strip()) / "old").exists()
    again = RunFolder(tmp_path, 1)
    assert list(again.metrics.iterdir()) == []
    again.close()


def test_a_data_folder_deep_down_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    folder = RunFolder(deep, 1)
    assert len(str(folder.office)) <= LONGEST_SOCKET_PATH
    assert folder.office.parent.stat().st_mode & 0o777 == 0o700
    folder.close()
    assert not folder.office.parent.exists()
