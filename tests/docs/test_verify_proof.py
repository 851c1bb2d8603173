"""The script that checks a proof needs the standard library alone, and takes no proof that does not hold."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.proof import prove
from storage.signing import signer_in
from tests.builders.journals import SMALL, audit_id, ended, opened

SCRIPT = Path(__file__).parent.parent.parent / "docs" / "verify_proof.py"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl checks the signature")


def checked(proof: object, folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the script without our packages (-I -S), as on a machine that has none of them."""
    file = folder / "proof.json"
    file.write_text(json.dumps(proof))
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(file), *arguments]
    environment = None if path is None else {"PATH": path}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def proof_in(data: Path, number: int = 5, *, signed: bool = True) -> dict[str, Any]:
    journal = opened(data, limits=SMALL, signed=signed)
    for each in range(10):
        journal.append_event(ended(each))
    journal.close()
    proof: dict[str, Any] = msgspec.to_builtins(prove(data, audit_id(number)))
    return proof


@needs_openssl
def test_a_proof_of_the_journal_holds(tmp_path: Path) -> None:
    proof = proof_in(tmp_path)
    done = checked(proof, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"The line of {audit_id(5)} has the seal" in done.stdout
    assert "It is line 3 of the 4 under the root" in done.stdout
    assert "The root is signed with the key in the proof" in done.stdout


@needs_openssl
def test_a_proof_holds_for_the_key_of_the_operator_alone(tmp_path: Path) -> None:
    proof = proof_in(tmp_path)
    public = (tmp_path / "keys" / "journal.pub").read_text()
    assert "signed with the key that you named" in checked(proof, tmp_path, public).stdout
    signer_in(tmp_path / "other")
    other = (tmp_path / "other" / "keys" / "journal.pub").read_text()
    done = checked(proof, tmp_path, other)
    assert (done.returncode, done.stderr) == (1, "Not proven: The root was not signed with this key.\n")


@pytest.mark.parametrize("key", ["", "\n"], ids=["empty", "blank"])
def test_a_key_that_is_empty_is_wrong_use_and_proves_nothing(tmp_path: Path, key: str) -> None:
    done = checked(proof_in(tmp_path), tmp_path, key)
    assert (done.returncode, done.stdout) == (2, "")
    assert "The public key is empty" in done.stderr


@pytest.mark.parametrize("key", ["AAAA", "A" * 43])
def test_a_key_that_is_none_proves_nothing(tmp_path: Path, key: str) -> None:
    assert checked(proof_in(tmp_path), tmp_path, key).returncode == 1


def test_where_a_key_is_named_a_signature_that_is_not_there_or_cannot_be_checked_proves_nothing(tmp_path: Path) -> None:
    proof = proof_in(tmp_path)
    public = (tmp_path / "keys" / "journal.pub").read_text()
    assert checked(proof, tmp_path, public, path=str(tmp_path / "empty")).returncode == 1
    done = checked(proof_in(tmp_path / "unsigned", signed=False), tmp_path, public)
    assert (done.returncode, done.stderr) == (1, "Not proven: The root is not signed.\n")


def test_without_openssl_the_script_says_that_the_signature_was_not_checked(tmp_path: Path) -> None:
    done = checked(proof_in(tmp_path), tmp_path, path=str(tmp_path / "empty"))
    assert done.returncode == 0
    assert "The signature was not checked: there is no `openssl`" in done.stdout


def test_a_root_without_a_signature_is_said_to_have_none(tmp_path: Path) -> None:
    done = checked(proof_in(tmp_path, signed=False), tmp_path)
    assert done.returncode == 0
    assert "The signature was not checked: the root is not signed" in done.stdout


@pytest.mark.parametrize(
    ("member", "value", "says"),
    [
        ("format", "another", "This is no 'lukhas journal proof 1'"),
        ("audit_id", "A-2", "not about A-2"),
        ("line", '{"event":"ended"}', "The seal of the line"),
        ("before", "A" * 43, "The seal of the line"),
        ("index", 0, "does not lead to the root"),
        ("index", 4, "no such leaf"),
        ("count", 5, "another number of lines"),
        ("path", [], "too short"),
        ("path", ["A" * 43] * 3, "too long"),
        ("path", ["A" * 43] * 2, "does not lead to the root"),
        ("path", ["A" * 42 + "B"] * 2, "no base64url"),
        ("path", None, "no list"),
        ("root_line", "{", "cannot be read as a proof"),
    ],
)
def test_a_proof_that_does_not_hold_is_not_proven(tmp_path: Path, member: str, value: object, says: str) -> None:
    done = checked({**proof_in(tmp_path), member: value}, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Not proven: ")
    assert says in done.stderr


@needs_openssl
def test_a_root_that_was_changed_after_it_was_signed_is_not_proven(tmp_path: Path) -> None:
    proof = proof_in(tmp_path)
    proof["root_line"] = proof["root_line"].replace('"first":5', '"first":6')
    done = checked(proof, tmp_path)
    assert (done.returncode, done.stderr) == (1, "Not proven: The root was not signed with this key.\n")


@pytest.mark.parametrize("place", range(0, 120, 7))
def test_a_line_with_another_byte_is_not_proven(tmp_path: Path, place: int) -> None:
    proof = proof_in(tmp_path)
    line = proof["line"]
    proof["line"] = line[:place] + chr(ord(line[place]) ^ 1) + line[place + 1 :]
    assert checked(proof, tmp_path).returncode == 1


def test_a_file_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(tmp_path / "none.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Not proven: ")
    assert "Traceback" not in done.stderr


def test_wrong_use_is_told(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "python verify_proof.py PROOF.json" in done.stderr
