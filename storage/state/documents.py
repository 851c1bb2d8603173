"""Keeps the documents of people, sealed with their keys, and finds passages of them by their words."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select

from storage.state.database import Database
from storage.state.lexical import Hit, marks_of, passages_of, scores_of
from storage.state.records import Document, Found
from storage.state.sealed import opened, sealed
from storage.state.tables import DOCUMENT_WORDS, DOCUMENTS, PASSAGES

LONGEST_TEXT = 1_000_000
MOST_WORDS_ASKED = 32
MOST_HITS = 5_000
"""Of a question's words those are looked for that stand in few passages, until there are so many."""
_NONCE_BYTES = 12


class DocumentsCounted(msgspec.Struct, frozen=True):
    """How many documents and passages there are, and of how many people."""

    documents: int
    passages: int
    people: int


class Documents:
    """The documents of a database. `key` is the person's own. Errors of every method: StateError."""

    def __init__(self, database: Database, most_hits: int = MOST_HITS) -> None:
        self._database = database
        self._most_hits = most_hits

    def add(self, document: Document, text: str, key: bytes, nonces: bytes) -> int:
        """Keeps a document; gives how many passages it has. `nonces` are random bytes, which `nonce_bytes` counts."""
        parts = passages_of(text)
        nonce = iter(nonces[at : at + _NONCE_BYTES] for at in range(0, len(nonces), _NONCE_BYTES))
        rows: list[dict[str, Any]] = []
        words: list[dict[str, Any]] = []
        for number, part in enumerate(parts):
            where = {"person": document.person, "document": document.id, "number": number}
            marks = marks_of(f"{document.name}\n{part}" if number == 0 else part, key)
            kept = sealed(part.encode(), key, _what(document.person, document.id, number), next(nonce))
            rows.append({**where, "length": marks.total(), "sealed": kept})
            words += [{**where, "mark": mark, "times": times} for mark, times in marks.items()]
        name = sealed(document.name.encode(), key, _what(document.person, document.id), next(nonce))
        with self._database.writing() as connection:
            connection.execute(
                insert(DOCUMENTS).values(person=document.person, id=document.id, sealed=name, at=document.at)
            )
            if rows:
                connection.execute(insert(PASSAGES), rows)
            if words:
                connection.execute(insert(DOCUMENT_WORDS), words)
        return len(parts)

    def search(self, person: str, key: bytes, query: str, k: int) -> list[Found]:
        """Gives the passages of a person that have most to do with a question, the best first. Errors: SealedError."""
        asked = list(marks_of(query, key))[:MOST_WORDS_ASKED]
        with self._database.reading() as connection:
            count, length = connection.execute(
                select(func.count(), func.sum(PASSAGES.c.length)).where(PASSAGES.c.person == person)
            ).one()
            if not count or not asked:
                return []
            rare = self._rare(connection.execute(_COUNTS.where(_of(person, asked))).all())
            hits = [Hit(*row) for row in connection.execute(_HITS.where(_of(person, rare)))]
            scores = scores_of(hits, count, float(length) / count)
            best = sorted(scores, key=lambda place: (-scores[place], place))[:k]
            found = []
            for document, number in best:
                row = connection.execute(_PASSAGE.where(_at(person, document, number))).first()
                if row is not None:
                    name = opened(row.name, key, _what(person, document)).decode()
                    text = opened(row.text, key, _what(person, document, number)).decode()
                    found.append(Found(document, name, number, text, scores[document, number]))
        return found

    def of(self, person: str, key: bytes) -> list[Document]:
        """Gives the documents of a person, the newest first. Errors: SealedError."""
        sought = select(DOCUMENTS).where(DOCUMENTS.c.person == person)
        with self._database.reading() as connection:
            rows = connection.execute(sought.order_by(DOCUMENTS.c.at.desc(), DOCUMENTS.c.id)).all()
        return [
            Document(row.id, person, opened(row.sealed, key, _what(person, row.id)).decode(), row.at) for row in rows
        ]

    def remove(self, person: str, id: str) -> bool:
        """Takes a document of a person away; says whether it was theirs."""
        with self._database.writing() as connection:
            for table in (PASSAGES, DOCUMENT_WORDS):
                connection.execute(delete(table).where(table.c.person == person, table.c.document == id))
            theirs = (DOCUMENTS.c.person == person) & (DOCUMENTS.c.id == id)
            return connection.execute(delete(DOCUMENTS).where(theirs)).rowcount > 0

    def count(self) -> DocumentsCounted:
        """Counts what there is."""
        with self._database.reading() as connection:
            documents, people = connection.execute(
                select(func.count(), func.count(DOCUMENTS.c.person.distinct())).select_from(DOCUMENTS)
            ).one()
            passages = connection.execute(select(func.count()).select_from(PASSAGES)).scalar_one()
        return DocumentsCounted(documents, passages, people)

    def _rare(self, counted: Sequence[Any]) -> list[bytes]:
        """Gives the marks that stand in the fewest passages: what stands in all of them tells none apart."""
        chosen: list[bytes] = []
        hits = 0
        for mark, count in sorted(counted, key=lambda row: row[1]):
            hits += count
            if chosen and hits > self._most_hits:
                break
            chosen.append(mark)
        return chosen


def nonce_bytes(text: str) -> int:
    """Says how many random bytes it takes to keep a text."""
    return (len(passages_of(text)) + 1) * _NONCE_BYTES


_COUNTS = select(DOCUMENT_WORDS.c.mark, func.count()).group_by(DOCUMENT_WORDS.c.mark)
_HITS = select(
    DOCUMENT_WORDS.c.mark, DOCUMENT_WORDS.c.document, DOCUMENT_WORDS.c.number, DOCUMENT_WORDS.c.times, PASSAGES.c.length
).join(
    PASSAGES,
    (PASSAGES.c.person == DOCUMENT_WORDS.c.person)
    & (PASSAGES.c.document == DOCUMENT_WORDS.c.document)
    & (PASSAGES.c.number == DOCUMENT_WORDS.c.number),
)
_PASSAGE = select(DOCUMENTS.c.sealed.label("name"), PASSAGES.c.sealed.label("text")).join(
    DOCUMENTS, (DOCUMENTS.c.person == PASSAGES.c.person) & (DOCUMENTS.c.id == PASSAGES.c.document)
)


def _of(person: str, marks: Sequence[bytes]) -> Any:
    return (DOCUMENT_WORDS.c.person == person) & DOCUMENT_WORDS.c.mark.in_(marks)


def _at(person: str, document: str, number: int) -> Any:
    return (PASSAGES.c.person == person) & (PASSAGES.c.document == document) & (PASSAGES.c.number == number)


def _what(person: str, document: str, number: int | None = None) -> str:
    """Says whose and what is sealed, so that it opens nowhere else."""
    return f"document {person} {document}" + ("" if number is None else f" {number}")
