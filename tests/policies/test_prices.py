"""Tokens cost what the price table says, to the last digit, and what it does not say is unknown."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from policies.document import DocumentError
from policies.prices import MOST_REMEMBERED, PARTS, Price, Prices, PricesFile, Tokens, load_prices, parts, rates_of

NOW = datetime(2025, 12, 1, tzinfo=UTC)
COUNTS = some.integers(0, 10**9)
RATES = some.decimals(0, 200, places=4)
MILLION = 1_000_000


def a_price(*models: str, input: str = "1", output: str = "2", since: str = "2025-01-01", **more: object) -> Price:
    rates = {name: Decimal(value) if name != "service_tier" else value for name, value in more.items()}  # type: ignore[arg-type]
    return Price(models, date.fromisoformat(since), Decimal(input), Decimal(output), **rates)  # type: ignore[arg-type]


def a_table(*prices: Price) -> Prices:
    return Prices(PricesFile(date(2025, 1, 1), prices))


def dollars(price: Price, tokens: Tokens) -> Fraction | None:
    exact = parts(rates_of(price), tokens)
    return None if exact is None else Fraction(exact, PARTS)


def usd(table: Prices, model: str, tokens: Tokens, at: datetime = NOW, service_tier: str | None = None) -> float | None:
    cost = table.cost(model, tokens, at, service_tier)
    return cost.usd if cost else None


@some.composite
def prices(draw: some.DrawFn) -> Price:
    cached, sound = draw(some.booleans()), draw(some.booleans())
    rate_in = draw(RATES)
    return Price(
        ("m",),
        date(2025, 1, 1),
        rate_in,
        draw(RATES),
        cached_input=draw(some.decimals(0, rate_in, places=4)) if cached else None,
        audio_input=draw(RATES) if sound else None,
        audio_output=draw(RATES) if sound else None,
    )


@given(prices(), COUNTS, COUNTS, COUNTS, COUNTS)
def test_more_tokens_never_cost_less(price: Price, read: int, written: int, cached: int, more: int) -> None:
    fewer = dollars(price, Tokens(read, written, min(cached, read)))
    assert fewer is not None
    for counts in (Tokens(read + more, written, min(cached, read)), Tokens(read, written + more, min(cached, read))):
        dearer = dollars(price, counts)
        assert dearer is not None and dearer >= fewer


@given(prices(), COUNTS, COUNTS)
def test_a_cached_token_never_costs_more_than_another(price: Price, read: int, cached: int) -> None:
    discounted, full = dollars(price, Tokens(read, 0, cached)), dollars(price, Tokens(read))
    assert discounted is not None and full is not None and discounted <= full


@given(prices(), COUNTS, COUNTS, COUNTS)
def test_the_cost_is_the_sum_of_its_parts(price: Price, read: int, written: int, cached: int) -> None:
    cached = min(cached, read)
    parts = (Tokens(read - cached), Tokens(cached, 0, cached), Tokens(0, written))
    assert dollars(price, Tokens(read, written, cached)) == sum(dollars(price, part) or 0 for part in parts)


@given(prices(), COUNTS, COUNTS, COUNTS, COUNTS)
def test_sound_is_a_part_of_the_tokens(price: Price, text: int, sound: int, said: int, heard: int) -> None:
    both = Tokens(text + sound, said + heard, audio_input_tokens=sound, audio_output_tokens=heard)
    cost = dollars(price, both)
    if price.audio_input is None or price.audio_output is None:
        assert (cost is None) == (sound + heard > 0)
    else:
        sold = text * price.input + said * price.output + sound * price.audio_input + heard * price.audio_output
        assert cost == Fraction(sold) / MILLION


@given(some.text(), COUNTS)
def test_a_model_that_is_not_in_the_table_has_no_cost(model: str, read: int) -> None:
    known = a_table(a_price("known-1"), a_price("ft:known-1:*"))
    assert (known.cost(model, Tokens(read), NOW) is None) == (model != "known-1" and model[:11] != "ft:known-1:")


def test_no_model_and_no_counts_have_no_cost() -> None:
    table = a_table(a_price("*"))
    assert table.cost(None, Tokens(1), NOW) is None
    assert table.cost("m", None, NOW) is None


def test_the_arithmetic_is_exact() -> None:
    tenth = a_table(a_price("m", input="0.1", output="0.2"))
    assert usd(tenth, "m", Tokens(1, 1)) == 3e-7
    assert usd(tenth, "m", Tokens(3 * MILLION)) == 0.3


def test_the_first_pattern_that_fits_counts() -> None:
    tokens = Tokens(MILLION)
    assert usd(a_table(a_price("gpt-*", input="1"), a_price("gpt-4o", input="2")), "gpt-4o", tokens) == 1.0
    assert usd(a_table(a_price("gpt-4o", input="2"), a_price("gpt-*", input="1")), "gpt-4o", tokens) == 2.0
    assert usd(a_table(a_price("gpt-4*", input="2"), a_price("gpt-*", input="1")), "gpt-4o", tokens) == 2.0


def test_the_latest_day_of_a_pattern_counts_and_before_its_first_there_is_none() -> None:
    dear, cheap = a_price("o3", input="10", since="2025-04-16"), a_price("o3", input="2", since="2025-06-10")
    cut = datetime(2025, 6, 10, tzinfo=UTC)
    for table in (a_table(dear, cheap), a_table(cheap, dear)):
        assert usd(table, "o3", Tokens(MILLION), cut) == 2.0
        assert usd(table, "o3", Tokens(MILLION), cut - timedelta(microseconds=1)) == 10.0
        assert usd(table, "o3", Tokens(MILLION), datetime(2025, 4, 15, tzinfo=UTC)) is None


def test_a_pattern_whose_day_has_not_come_gives_no_place_to_a_wider_one() -> None:
    table = a_table(a_price("gpt-4o-mini", since="2025-06-01"), a_price("gpt-*", since="2024-01-01"))
    assert usd(table, "gpt-4o-mini", Tokens(1), datetime(2025, 1, 1, tzinfo=UTC)) is None


def test_a_service_that_the_table_does_not_name_has_no_cost() -> None:
    table = a_table(a_price("o3", input="2"), a_price("o3", input="1", service_tier="flex"))
    tokens = Tokens(MILLION)
    assert [usd(table, "o3", tokens, NOW, tier) for tier in (None, "auto", "default")] == [2.0, 2.0, 2.0]
    assert (usd(table, "o3", tokens, NOW, "flex"), usd(table, "o3", tokens, NOW, "priority")) == (1.0, None)


def test_the_basis_names_the_entry_and_says_when_tokens_are_estimated() -> None:
    table = a_table(a_price("gpt-*"), a_price("o3", service_tier="flex"))
    plain, flex = table.cost("gpt-4o", Tokens(1), NOW), table.cost("o3", Tokens(1, estimated=True), NOW, "flex")
    assert plain is not None and plain.basis == "gpt-* from 2025-01-01"
    assert flex is not None and flex.basis == "o3 from 2025-01-01, flex, tokens estimated"


def test_what_is_remembered_of_a_day_does_not_hold_for_the_next_one() -> None:
    table = a_table(a_price("o3", input="10", since="2025-04-16"), a_price("o3", input="2", since="2025-06-10"))
    before, after = datetime(2025, 6, 9, 23, 59, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)
    assert [usd(table, "o3", Tokens(MILLION), at) for at in (before, after, before, after)] == [10.0, 2.0, 10.0, 2.0]


def test_models_that_strangers_make_up_do_not_pile_up() -> None:
    table = a_table(a_price("known"))
    for number in range(3 * MOST_REMEMBERED):
        assert table.cost(f"made-up-{number}", Tokens(1), NOW) is None
    assert table.remembered <= MOST_REMEMBERED
    assert usd(table, "known", Tokens(MILLION)) == 1.0


def test_counts_that_contradict_each_other_cost_no_less_than_nothing() -> None:
    price = a_price("m", cached_input="0.5", audio_input="3")
    assert dollars(price, Tokens(10, 0, cached_tokens=20)) == Fraction(5, MILLION)
    assert dollars(price, Tokens(-5, -5, -5)) == 0
    assert dollars(price, Tokens(1, 0, 5, audio_input_tokens=9, cached_audio_tokens=9)) == Fraction(3, MILLION)


def test_the_shipped_table_knows_what_is_in_use() -> None:
    table = load_prices(None)
    half = Tokens(MILLION, MILLION, MILLION // 2)
    assert usd(table, "gpt-4o-mini-2024-07-18", half) == 0.7125
    assert usd(table, "gpt-5", half) == 10.6875
    assert usd(table, "gpt-5", half, NOW, "flex") == 5.34375
    assert usd(table, "ft:gpt-4o-mini-2024-07-18:acme::id", Tokens(MILLION)) == 0.3
    assert usd(table, "text-embedding-3-small", Tokens(MILLION)) == 0.02
    assert usd(table, "gpt-4o-audio-preview", Tokens(MILLION, audio_input_tokens=MILLION)) == 40.0
    assert usd(table, "gpt-99", half) is None


def test_no_pattern_of_the_shipped_table_hides_a_model_behind_an_earlier_one() -> None:
    table = load_prices(None)
    for name, tokens in (("gpt-4o-mini", 0.15), ("gpt-4o", 2.5), ("gpt-4.1-nano", 0.1), ("o3-mini", 1.1), ("o3", 2.0)):
        assert usd(table, name, Tokens(MILLION)) == tokens


def test_the_operators_table_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "as_of: 2026-01-01\nprices:\n  - {models: [llama-*], from: 2026-01-01, input: 0.1, output: 0.30}\n"
    )
    table = load_prices(tmp_path)
    at = datetime(2026, 2, 1, tzinfo=UTC)
    assert (table.as_of, usd(table, "llama-3", Tokens(3 * MILLION), at)) == (date(2026, 1, 1), 0.3)
    assert usd(table, "gpt-4o", Tokens(1), at) is None


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            "{models: [a], from: 2026-01-01, input: -1, output: 1}",
            "line 3, prices[0].input: a price is a number from 0 to",
        ),
        ("{models: [a], from: 2026-01-01, input: 1, output: .inf}", "line 3, prices[0].output: a price is a number"),
        ("{models: [a], from: 2026-01-01, input: 1, output: 1e9}", "line 3, prices[0].output: a price is a number"),
        ("{models: [a], from: 2026-01-01, input: 1e-13, output: 1}", "line 3, prices[0].input: a price is a number"),
        ("{models: [a], from: 2026-01-01, input: cheap, output: 1}", "prices[0].input"),
        ("{models: [a], from: soon, input: 1, output: 1}", "prices[0].from"),
        ("{models: [a], from: 2026-01-01, input: 1}", "prices[0]: needs the key `output`"),
        ("{models: [a], from: 2026-01-01, input: 1, output: 1, euro: 1}", "prices[0].euro: unknown key"),
        ("{models: [a, a], from: 2026-01-01, input: 1, output: 1}", "line 3, prices[0].models[1]: 'a' has a price"),
    ],
)
def test_a_wrong_table_is_refused_by_name(entry: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(f"as_of: 2026-01-01\nprices:\n  - {entry}\n")
    with pytest.raises(DocumentError) as error:
        load_prices(tmp_path)
    assert says in str(error.value) and str(tmp_path / "prices.yaml") in str(error.value)


def test_no_shipped_price_is_hidden_by_a_wider_one() -> None:
    assert list(load_prices(None).hidden()) == []
