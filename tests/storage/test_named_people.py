"""Whether records name people, as far as their last segments say."""

from pathlib import Path

from storage.named_people import names_people
from tests.builders.segments import Writer, exchange


def test_records_name_people_by_pseudonym(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    assert not names_people(journal)
    writer = Writer(tmp_path)
    writer.segment()
    assert not names_people(journal)
    writer.append(*exchange("A-1", caller=None), *exchange("A-0", caller="p-like"))
    assert not names_people(journal)
    writer.append(*exchange("A-2", caller="p-0123456789abcdef0123"))
    assert names_people(journal)
