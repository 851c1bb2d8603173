"""Lists show a caller what they may see, page by page."""

from datetime import UTC, datetime

import msgspec
import pytest

from gateway.office.audit.lists import cursor_of, listed, position_of, search_of
from gateway.office.refusing import Refused
from gateway.testing import a_caller
from storage.bundles import Search
from tests.gateway.office.audit.lines import an_ended

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
ME = a_caller(principal="key:me")
READER = a_caller(principal="key:reader", permissions=frozenset(("audit:read",)))


def test_a_caller_searches_among_their_own() -> None:
    assert search_of(ME, Search(model="m"), None) == Search(model="m", caller="key:me")
    assert search_of(ME, Search(caller="key:me"), None).caller == "key:me"
    with pytest.raises(Refused) as error:
        search_of(ME, Search(caller="key:you"), None)
    assert error.value.refusal.status == 403


def test_a_reader_searches_among_all() -> None:
    assert search_of(READER, Search(), None).caller is None
    assert search_of(READER, Search(caller="key:you"), None).caller == "key:you"


def test_times_without_a_zone_are_utc() -> None:
    bare = NOON.replace(tzinfo=None)
    assert search_of(READER, Search(since=bare, until=bare), None) == Search(since=NOON, until=NOON)


def test_a_cursor_leads_back_to_its_place() -> None:
    position = (NOON.replace(microsecond=250_001), "A-1~2")
    assert position_of(cursor_of(position)) == position
    assert search_of(READER, Search(), cursor_of(position)).below == position


@pytest.mark.parametrize("cursor", ["", "~", "x", "2026-03-05T12:00:00Z", "2026-03-05T12:00:00Z~", "x~A-1"])
def test_a_cursor_of_nobody_is_refused(cursor: str) -> None:
    with pytest.raises(Refused) as error:
        position_of(cursor)
    assert (error.value.refusal.status, error.value.refusal.param) == (400, "cursor")


def test_an_entry_is_short_and_a_next_page_is_there_only_where_there_is_more() -> None:
    lines = [an_ended(audit_id=f"A-0000000{number}") for number in range(3)]
    page = listed(lines, 2)
    assert [entry["audit_id"] for entry in page.exchanges] == ["A-00000000", "A-00000001"]
    assert page.next == "2026-03-05T12:00:00.250000+00:00~A-00000001"
    assert {"trail", "attempts"} & set(page.exchanges[0]) == set()
    assert listed(lines[:2], 2).next is None
    assert listed([], 2) == msgspec.structs.replace(page, exchanges=[], next=None)
