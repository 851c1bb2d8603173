"""Names of secrets: stable in one data folder, different between folders, and telling nothing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from identity.pseudonyms import KEY_BYTES, PseudonymKeyError, Pseudonyms, pseudonyms_in
from tests.builders.people import keyring_of

NAMES_ONE = "import sys; from pathlib import Path; from identity.pseudonyms import pseudonyms_in; " + (
    "print(pseudonyms_in(Path(sys.argv[1]))(b'secret'))"
)


def test_a_secret_has_one_name_and_another_secret_another() -> None:
    names = Pseudonyms(b"k" * KEY_BYTES)
    assert names(b"secret") == names(b"secret")
    assert names(b"secret") != names(b"secreT")
    assert Pseudonyms(b"l" * KEY_BYTES)(b"secret") != names(b"secret")


def test_a_name_is_twenty_digits_that_do_not_hold_the_secret() -> None:
    name = Pseudonyms(b"k" * KEY_BYTES)(b"0123456789abcdef")
    assert (len(name), set(name) <= set("0123456789abcdef")) == (20, True)
    assert "0123456789abcdef" not in name


def test_a_folder_keeps_its_names(tmp_path: Path) -> None:
    first = pseudonyms_in(tmp_path)(b"secret")
    assert pseudonyms_in(tmp_path)(b"secret") == first
    assert pseudonyms_in(tmp_path / "another")(b"secret") != first


def test_the_key_is_for_nobody_else(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        pseudonyms_in(tmp_path)
    finally:
        os.umask(before)
    (key,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert len(key.read_bytes()) == KEY_BYTES


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", NAMES_ONE, str(tmp_path)], stdout=subprocess.PIPE) for _ in range(4)
    ]
    names = {process.communicate()[0] for process in started}
    assert len(names) == 1
    assert len(names.pop()) == 21
    assert [each.name for each in (tmp_path / "keys").iterdir()] == ["pseudonym.key"]


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1])
def test_a_key_that_was_cut_is_no_key(tmp_path: Path, length: int) -> None:
    pseudonyms_in(tmp_path)
    key = tmp_path / "keys" / "pseudonym.key"
    key.write_bytes(key.read_bytes()[:length])
    with pytest.raises(PseudonymKeyError, match=r"pseudonym\.key is damaged"):
        pseudonyms_in(tmp_path)


def test_a_key_that_is_gone_is_not_made_anew_where_people_are_known(tmp_path: Path) -> None:
    with keyring_of(tmp_path):
        pass
    path = tmp_path / "keys" / "pseudonym.key"
    path.unlink()
    with pytest.raises(PseudonymKeyError, match=r"pseudonym\.key is gone"):
        pseudonyms_in(tmp_path)
    assert not path.exists()
