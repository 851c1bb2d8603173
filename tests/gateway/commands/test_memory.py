import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands.audit import command as audit
from gateway.commands.memory import command
from storage.state.schema import brought_up_to_date
from storage.state.state import State

RULES = "Refunds are paid within 14 days.\n\nA parcel that is lost is sent again.\n"


def lukhas(data: Path, *arguments: str, sent: str | None = None) -> Result:
    name, *rest = arguments
    return CliRunner().invoke(command, [name, "--data", str(data), "--config", os.devnull, *rest], input=sent)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.md"
    path.write_text(RULES)
    return path


def added(data: Path, *arguments: str, sent: str | None = None) -> str:
    done = lukhas(data, "add", "--json", "--principal", "key:ada", *arguments, sent=sent)
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["added"][0]["id"])


def test_a_document_is_put_in_found_listed_and_taken_away(tmp_path: Path, rules: Path) -> None:
    data = tmp_path / "data"
    id = added(data, str(rules))
    found = lukhas(data, "search", "--json", "--principal", "key:ada", "refund")
    (passage,) = json.loads(found.stdout)["passages"]
    assert (passage["document"], passage["name"], passage["text"]) == (id, "rules.md", RULES.strip())
    stats = json.loads(lukhas(data, "stats", "--json", "--principal", "key:ada").stdout)
    assert (stats["documents"], stats["people"], stats["of"][0]["id"]) == (1, 1, id)
    assert lukhas(data, "delete", "--principal", "key:ada", id).exit_code == 0
    assert lukhas(data, "search", "--principal", "key:ada", "refund").stdout == "Nothing was found.\n"


def test_a_document_may_come_on_standard_input_with_a_name(tmp_path: Path) -> None:
    added(tmp_path, "--name", "a note", "-", sent="Tomatoes want sun.")
    shown = lukhas(tmp_path, "search", "--principal", "key:ada", "tomatoes").stdout
    assert "a note" in shown
    assert "Tomatoes want sun." in shown
    assert "Documents: 1, passages: 1, people: 1." in lukhas(tmp_path, "stats").stdout


def test_what_one_has_nobody_else_finds_or_takes_away(tmp_path: Path, rules: Path) -> None:
    id = added(tmp_path, str(rules))
    assert lukhas(tmp_path, "add", "--principal", "key:bob", "-", sent="other").exit_code == 0
    assert "Nothing" in lukhas(tmp_path, "search", "--principal", "key:bob", "refund").stdout
    refused = lukhas(tmp_path, "delete", "--principal", "key:bob", id)
    assert refused.exit_code == 1
    assert "key:bob has no document" in str(refused.exception)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff\xfe\x00", "no text in UTF-8"), (b" \n", "is empty"), (b"x" * 1_000_001, "more than 1,000,000 characters")],
    ids=["binary", "empty", "long"],
)
def test_what_cannot_be_searched_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    refused = lukhas(tmp_path / "data", "add", "--principal", "key:ada", str(path))
    assert refused.exit_code == 1
    assert says in str(refused.exception)


def test_of_nobody_nothing_can_be_asked(tmp_path: Path) -> None:
    for arguments in (("search", "x"), ("stats",)):
        refused = lukhas(tmp_path, *arguments, "--principal", "key:nobody")
        assert "Nobody on record is called 'key:nobody'" in str(refused.exception)


def test_erasing_the_caller_takes_their_documents_along(tmp_path: Path, rules: Path) -> None:
    added(tmp_path, str(rules))
    (tmp_path / "journal").mkdir()
    state = State(tmp_path)
    state.open(brought_up_to_date)
    assert state.documents.count().documents == 1
    state.close()
    from_purge = CliRunner().invoke(
        audit,
        ["purge", "--data", str(tmp_path), "--config", os.devnull, "--principal", "key:ada", "--yes"],
    )
    assert from_purge.exit_code == 0, from_purge.output
    state.open(brought_up_to_date)
    assert state.documents.count().documents == 0
    state.close()
