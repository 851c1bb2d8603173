from datetime import UTC, datetime
from secrets import token_bytes

import pytest

from storage.state.documents import Documents, DocumentsCounted, nonce_bytes
from storage.state.records import Document
from storage.state.sealed import SealedError
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA, BOB = "p-0a0a0a0a0a0a0a0a0a0a", "p-0b0b0b0b0b0b0b0b0b0b"
KEYS = {ADA: b"a" * 32, BOB: b"b" * 32}
RULES = "Refunds are paid within 14 days.\n\nA parcel that is lost is sent again."


def add(state: State, person: str, id: str, name: str, text: str) -> int:
    return state.documents.add(Document(id, person, name, NOW), text, KEYS[person], token_bytes(nonce_bytes(text)))


def test_a_passage_is_found_by_its_words_and_by_the_name_of_its_document(state: State) -> None:
    add(state, ADA, "d-1", "shop rules", RULES)
    add(state, ADA, "d-2", "garden", "Tomatoes want sun.")
    (found,) = state.documents.search(ADA, KEYS[ADA], "When do I get my refund?", 5)
    assert (found.document, found.name, found.text) == ("d-1", "shop rules", RULES)
    assert found.score > 0
    assert [each.document for each in state.documents.search(ADA, KEYS[ADA], "GARDEN", 5)] == ["d-2"]


def test_the_best_come_first_and_no_more_than_asked_for(state: State) -> None:
    for number in range(6):
        add(state, ADA, f"d-{number}", "note", "sun " * (number + 1) + "rain " * 10)
    found = state.documents.search(ADA, KEYS[ADA], "sun", 3)
    assert [each.document for each in found] == ["d-5", "d-4", "d-3"]


def test_nobody_finds_what_is_anothers(state: State) -> None:
    add(state, ADA, "d-1", "shop rules", RULES)
    assert state.documents.search(BOB, KEYS[BOB], "refunds", 5) == []
    assert state.documents.search(BOB, KEYS[ADA], "refunds", 5) == []
    assert state.documents.search(ADA, KEYS[BOB], "refunds", 5) == []
    assert state.documents.of(BOB, KEYS[BOB]) == []
    assert not state.documents.remove(BOB, "d-1")
    with pytest.raises(SealedError):
        state.documents.of(ADA, KEYS[BOB])


def test_two_people_may_have_documents_of_one_id(state: State) -> None:
    add(state, ADA, "d-1", "a", "apples")
    add(state, BOB, "d-1", "b", "bananas")
    assert state.documents.remove(ADA, "d-1")
    assert [each.text for each in state.documents.search(BOB, KEYS[BOB], "bananas", 5)] == ["bananas"]
    assert state.documents.count() == DocumentsCounted(1, 1, 1)


def test_a_question_without_words_finds_nothing(state: State) -> None:
    add(state, ADA, "d-1", "shop rules", RULES)
    for question in ("", "  ?! ", "zebra"):
        assert state.documents.search(ADA, KEYS[ADA], question, 5) == []


def test_a_long_document_is_kept_in_passages_and_goes_with_all_of_them(state: State) -> None:
    text = "\n\n".join(f"Paragraph {number} speaks of topic{number}. " + "word " * 150 for number in range(30))
    assert add(state, ADA, "d-1", "book", text) > 10
    (found,) = state.documents.search(ADA, KEYS[ADA], "speaks paragraph 17", 1)
    assert "Paragraph 17" in found.text
    assert state.documents.remove(ADA, "d-1")
    assert state.documents.count() == DocumentsCounted(0, 0, 0)
    assert state.documents.search(ADA, KEYS[ADA], "paragraph", 5) == []


def test_the_database_holds_no_word_of_it(state: State) -> None:
    add(state, ADA, "d-1", "shop rules", RULES)
    with state.database.reading() as connection:
        for table in ("documents", "passages", "document_words"):
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
                said = b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
                assert not any(word in said.lower() for word in (b"refund", b"shop", b"parcel"))


def test_a_rare_word_is_found_among_many_passages_that_have_the_common_ones(state: State) -> None:
    for number in range(12):
        add(state, ADA, f"d-{number}", "note", "sun and rain" if number != 7 else "sun and snow")
    found = Documents(state.database, most_hits=3).search(ADA, KEYS[ADA], "sun and snow", 2)
    assert [each.document for each in found] == ["d-7"]
