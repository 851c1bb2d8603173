"""`lukhas audit` says what was found in the journal, for people and for programs."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands.audit import command
from gateway.commands.failing import Failed
from tests.builders.journals import SMALL, audit_id, ended, opened


def journal_in(data: Path) -> Path:
    """A journal of one segment; gives its path."""
    journal = opened(data, limits=SMALL)
    for number in range(10):
        journal.append_event(ended(number))
    journal.close()
    return journal.path


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--config", os.devnull])


def test_a_journal_that_nobody_touched_is_said_to_be_so(tmp_path: Path) -> None:
    journal_in(tmp_path)
    done = audit("verify", "--data", str(tmp_path))
    assert done.exit_code == 0
    assert "14 lines, each as it was written." in done.stdout
    assert "worker-0" in done.stdout


def test_a_changed_line_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    path = journal_in(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"n":4', b'"n":5'))
    done = audit("verify", "--data", str(tmp_path))
    assert done.exit_code == 1
    assert "14 lines, 1 fault." in done.stdout
    assert "worker-0 00000001 line 7" in done.stdout
    assert audit_id(4) in done.stdout


def test_what_a_kill_left_is_a_note(tmp_path: Path) -> None:
    with journal_in(tmp_path).open("ab") as file:
        file.write(b'{"ev')
    done = audit("verify", "--data", str(tmp_path))
    assert done.exit_code == 0
    assert "torn" in done.stdout


def test_programs_get_json(tmp_path: Path) -> None:
    path = journal_in(tmp_path)
    assert json.loads(audit("verify", "--json", "--data", str(tmp_path)).stdout)["ok"] is True
    path.write_bytes(path.read_bytes().replace(b'"n":4', b'"n":5'))
    done = audit("verify", "--json", "--data", str(tmp_path))
    assert done.exit_code == 1
    assert json.loads(done.stdout)["faults"] == [
        {
            "kind": "changed",
            "writer": "worker-0",
            "segment": 1,
            "says": "is not what was written",
            "line": 7,
            "audit_id": audit_id(4),
        }
    ]


def test_what_was_printed_earlier_finds_a_journal_that_was_made_anew(tmp_path: Path) -> None:
    path = journal_in(tmp_path)
    known = tmp_path / "known.json"
    known.write_text(audit("verify", "--json", "--data", str(tmp_path)).stdout)
    assert audit("verify", "--known", str(known), "--data", str(tmp_path)).exit_code == 0
    path.unlink()
    (path.parent / "last_root").unlink()
    opened(tmp_path).close()
    assert audit("verify", "--data", str(tmp_path)).exit_code == 0
    assert audit("verify", "--known", str(known), "--data", str(tmp_path)).exit_code == 1


def test_a_public_key_that_was_kept_elsewhere_counts(tmp_path: Path) -> None:
    journal_in(tmp_path / "one")
    journal_in(tmp_path / "two")
    key = str(tmp_path / "two" / "keys" / "journal.pub")
    assert audit("verify", "--public-key", key, "--data", str(tmp_path / "two")).exit_code == 0
    done = audit("verify", "--public-key", key, "--data", str(tmp_path / "one"))
    assert done.exit_code == 1
    assert "was not signed with the key" in done.stdout


def test_a_proof_is_printed_as_json(tmp_path: Path) -> None:
    journal_in(tmp_path)
    done = audit("prove", audit_id(3), "--data", str(tmp_path))
    assert done.exit_code == 0
    assert json.loads(done.stdout)["audit_id"] == audit_id(3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("prove", "A-1"), "The journal has no exchange A-1."),
        (("verify", "--public-key", os.devnull), "is no public key"),
        (("verify", "--known", os.devnull), "is not what `lukhas audit verify --json` prints"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    journal_in(tmp_path)
    done = audit(*arguments, "--data", str(tmp_path))
    assert isinstance(done.exception, Failed)
    assert says in str(done.exception)


def test_a_folder_without_a_journal_is_told(tmp_path: Path) -> None:
    done = audit("verify", "--data", str(tmp_path))
    assert isinstance(done.exception, Failed)
    assert str(done.exception) == f"There is no journal in {tmp_path}. Name the data folder with --data."
