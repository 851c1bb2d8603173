"""A file that many make at once is there once, and whole."""

import threading
from pathlib import Path

from storage.made_once import make_once


def test_of_many_who_make_a_file_one_wins_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "key"
    contents = [bytes([number]) * 4096 for number in range(16)]
    at_once = threading.Barrier(len(contents))

    def make(content: bytes) -> None:
        at_once.wait()
        make_once(path, content, 0o600)

    threads = [threading.Thread(target=make, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
