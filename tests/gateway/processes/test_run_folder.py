"""The folder of one running gateway, and what becomes of those whose gateway is gone."""

import os
import subprocess
import sys
from pathlib import Path

from gateway.processes.run_folder import LONGEST_SOCKET_PATH, RunFolder, operator_of, operator_sockets


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


def test_a_data_folder_deep_down_has_its_sockets_elsewhere_and_commands_find_them(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    folder = RunFolder(deep, 1)
    operator = operator_of(folder.office)
    assert len(str(operator)) <= LONGEST_SOCKET_PATH
    assert folder.office.parent.stat().st_mode & 0o777 == 0o700
    assert operator_sockets(deep) == [operator]
    folder.close()
    assert not folder.office.parent.exists()
    assert operator_sockets(deep) == []


def test_sockets_elsewhere_of_a_killed_gateway_are_cleared_away(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    leave = (
        "import os, sys; from pathlib import Path; from gateway.processes.run_folder import RunFolder; "
        "print(RunFolder(Path(sys.argv[1]), 1).office, flush=True); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", leave, str(deep)], check=False, capture_output=True, text=True)
    left = Path(killed.stdout.strip()).parent
    assert left.is_dir()
    RunFolder(deep, 1).close()
    assert not left.exists()


def test_commands_ask_the_newest_gateway_of_a_folder_first(tmp_path: Path) -> None:
    older, newer = RunFolder(tmp_path, 1), RunFolder(tmp_path, 2)
    for number, folder in enumerate((older, newer)):
        operator_of(folder.office).touch()
        os.utime(operator_of(folder.office), (number, number))
    assert operator_sockets(tmp_path) == [operator_of(newer.office), operator_of(older.office)]
    older.close()
    newer.close()
