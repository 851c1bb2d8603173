"""Several stores that know exchanges answer as one, the fresher before the older."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from storage.bundles import AUDIT_ID, InOrder, Outline, Outliner, Search, fits, newest

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def a_line(audit_id: str, *, event: str = "ended", minute: int = 0, **members: object) -> bytes:
    started = NOON + timedelta(minutes=minute)
    return msgspec.json.encode({"event": event, "audit_id": audit_id, "started": started, **members})


class Kept:
    """Bundles in a list."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = lines

    def find(self, audit_id: str) -> bytes | None:
        return next((line for line in self._lines if f'"{audit_id}"'.encode() in line), None)

    def listed(self, search: Search, limit: int) -> list[bytes]:
        outlines = [(Outliner()(line), line) for line in self._lines]
        return newest([(each.position, line) for each, line in outlines if each and fits(each, search)], limit)


def test_the_first_store_that_knows_the_end_answers() -> None:
    fresh, old = a_line("A-00000001", model="fresh"), a_line("A-00000001", model="old")
    assert InOrder([Kept(fresh), Kept(old)]).find("A-00000001") == fresh
    assert InOrder([Kept(), Kept(old)]).find("A-00000001") == old
    assert InOrder([Kept(), Kept()]).find("A-00000001") is None


def test_an_end_further_back_is_better_than_a_beginning() -> None:
    began, lost = a_line("A-00000001", event="began"), a_line("A-00000001", outcome="lost")
    assert InOrder([Kept(began), Kept(lost)]).find("A-00000001") == lost
    assert InOrder([Kept(began), Kept()]).find("A-00000001") == began


def test_lists_are_merged_with_each_exchange_once_the_newest_first() -> None:
    one, two, three = (a_line(f"A-0000000{number}", minute=number) for number in (1, 2, 3))
    stores = InOrder([Kept(two, three), Kept(a_line("A-00000002", minute=2, model="old"), one)])
    assert stores.listed(Search(), 10) == [three, two, one]
    assert stores.listed(Search(), 2) == [three, two]


def test_pages_of_a_list_follow_on_each_other_without_gap_or_repetition() -> None:
    lines = [a_line(f"A-{number:08}", minute=number // 3) for number in range(20)]
    stores = InOrder([Kept(*lines[::2]), Kept(*lines[1::2])])
    found: list[bytes] = []
    search = Search()
    while page := stores.listed(search, 3):
        found += page
        last = Outliner()(page[-1])
        assert last is not None
        search = Search(below=last.position)
    assert found == lines[::-1]


@pytest.mark.parametrize(
    ("search", "fitting"),
    [
        (Search(), True),
        (Search(since=NOON), True),
        (Search(since=NOON + timedelta(seconds=1)), False),
        (Search(until=NOON), False),
        (Search(until=NOON + timedelta(seconds=1)), True),
        (Search(caller="key:1"), True),
        (Search(caller="key:2"), False),
        (Search(model="gpt-4o"), True),
        (Search(model="gpt-4o-2024-08-06"), True),
        (Search(model="gpt"), False),
        (Search(outcome="answered", endpoint="chat.completions"), True),
        (Search(outcome="answered", endpoint="responses"), False),
        (Search(outcome="refused"), False),
        (Search(below=(NOON, "A-00000001")), False),
        (Search(below=(NOON, "A-00000002")), True),
    ],
)
def test_a_search_takes_what_fits_it_in_all(search: Search, fitting: bool) -> None:
    outline = Outline(
        "ended", "A-00000001", NOON, "key:1", "gpt-4o", "gpt-4o-2024-08-06", "answered", "chat.completions"
    )
    assert fits(outline, search) is fitting


def test_a_time_without_a_zone_is_utc() -> None:
    assert Outline("ended", "A-00000001", NOON.replace(tzinfo=None)).position == (NOON, "A-00000001")


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"not json", b'{"event":"ended","audit_id":7}', b"\xff"])
def test_what_is_no_record_has_no_outline(line: bytes) -> None:
    assert Outliner()(line) is None


@pytest.mark.parametrize("word", ["", "short", "A-0000000\n", '"A-000000"', "../../etc/passwd", "a" * 129, "ä" * 10])
def test_an_id_can_break_out_of_nothing(word: str) -> None:
    assert AUDIT_ID.fullmatch(word) is None
