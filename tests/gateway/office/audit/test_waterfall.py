"""The picture of the time has a row for each hook and attempt, in the measure of the whole."""

import re

from gateway.office.audit.record import record_of
from gateway.office.audit.waterfall import LEFT, MOST_ROWS, RIGHT, WIDTH, Bar, rows_of, waterfall
from tests.gateway.office.audit.lines import ATTEMPT, a_step, an_ended


def test_rows_stand_in_the_order_in_which_they_began() -> None:
    trail = [
        a_step("account", "usage", began_ns=765_000_000),
        a_step("identify", "sign_in", began_ns=1000),
        a_step("watch", "words", began_ns=500_000_000, took_ns=10),
        a_step("watch", "words", began_ns=600_000_000, took_ns=20, times=6),
    ]
    rows = rows_of(record_of(an_ended(trail=trail)))
    assert [row.name for row in rows] == ["identify", "model server default", "watch × 7", "account"]
    assert (rows[2].took, rows[1].took) == (30, 759_600_000)


def test_an_attempt_is_a_wait_and_a_receipt() -> None:
    (row,) = rows_of(record_of(an_ended(trail=[])))
    assert row.bars == (Bar(400_000, 300_000_000, "wait"), Bar(300_000_000, 760_000_000, "receive"))
    silent = {**ATTEMPT, "first_byte_ns": None}
    (row,) = rows_of(record_of(an_ended(trail=[], attempts=[silent])))
    assert row.bars == (Bar(400_000, 760_000_000, "wait"), Bar(760_000_000, 760_000_000, "receive"))


def test_bars_stay_inside_the_picture_whatever_the_times_say() -> None:
    backwards = {**ATTEMPT, "began_ns": 900_000_000, "ended_ns": 5, "first_byte_ns": 10**14}
    trail = [a_step("identify", "p", began_ns=10**15, took_ns=10**15)]
    drawn = waterfall(record_of(an_ended(attempts=[backwards, ATTEMPT], trail=trail)))
    for x, width in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn):
        assert float(x) >= LEFT
        assert float(x) + float(width) <= WIDTH - RIGHT + 2


def test_the_picture_says_in_words_what_it_shows() -> None:
    drawn = waterfall(record_of(an_ended()))
    assert 'role="img"' in drawn
    assert "2 rows over 768 ms: identify 60 µs; model server default 760 ms" in drawn


def test_a_picture_without_anything_to_show_is_none() -> None:
    assert waterfall(record_of(an_ended(trail=[], attempts=[]))) == ""
    assert waterfall(record_of(b"{}")) == ""


def test_many_rows_are_cut() -> None:
    trail = [a_step(f"hook{number}", "p") for number in range(100)]
    assert waterfall(record_of(an_ended(trail=trail))).count('class="name"') == MOST_ROWS
