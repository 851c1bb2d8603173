"""Each data folder has one signing key, whichever process comes first."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.signing import SigningKeyError, Verifier, signer_in, verifier_in, verifier_of

START = "import sys; from pathlib import Path; from storage.signing import signer_in; signer_in(Path(sys.argv[1]))"


def test_what_a_folder_signs_its_public_key_verifies(tmp_path: Path) -> None:
    signature = signer_in(tmp_path)(b"a message")
    verify = verifier_in(tmp_path)
    assert verify is not None
    assert verify(b"a message", signature)
    assert not verify(b"another", signature)
    assert not verify(b"a message", signature[:-1])
    assert not verify(b"a message", bytes(64))


def test_the_key_stays_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    first = signer_in(tmp_path)
    assert signer_in(tmp_path).public == first.public
    assert stat.S_IMODE((tmp_path / "keys" / "journal.ed25519").stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["journal.ed25519", "journal.pub"]


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    starts = [subprocess.Popen([sys.executable, "-c", START, str(tmp_path)]) for _ in range(3)]
    assert [start.wait(30) for start in starts] == [0, 0, 0]
    assert verifier_in(tmp_path) == Verifier(signer_in(tmp_path).public)


@pytest.mark.parametrize(("name", "content"), [("journal.ed25519", b"short"), ("journal.pub", b"no key")])
def test_a_damaged_key_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    signer_in(tmp_path)
    (tmp_path / "keys" / name).write_bytes(content)
    with pytest.raises(SigningKeyError, match=rf"{name} is damaged"):
        signer_in(tmp_path)


def test_keys_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    signer_in(tmp_path)
    (tmp_path / "keys" / "journal.ed25519").write_bytes(bytes(32))
    with pytest.raises(SigningKeyError, match="is not the public part of"):
        signer_in(tmp_path)


def test_a_folder_without_a_key_has_no_verifier(tmp_path: Path) -> None:
    assert verifier_in(tmp_path) is None


@pytest.mark.parametrize("text", [b"", b"AAAA", b"A" * 42 + b"B", b"!" * 43])
def test_what_is_no_public_key_verifies_nothing(text: bytes) -> None:
    assert verifier_of(text) is None
