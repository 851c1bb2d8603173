"""The page of the errors finds each code where it is made."""

import ast

import pytest

from gateway.references.errors import error_in, page


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("Refusal('Not you.', code='not_you')", ("not_you", 403, "Not you.")),
        ("Refusal('Not you.', code='not_you', status=401)", ("not_you", 401, "Not you.")),
        ("Refusal(str(error), code='invalid_form', status=400)", ("invalid_form", 400, "says what is wrong")),
        ("Refusal(f'Not {self.name} today.', code='not_it')", ("not_it", 403, "Not {name} today.")),
        ("_refuse(client, 503, SLEEPING, 'asleep')", ("asleep", 503, "It sleeps.")),
        ("error_body('It sleeps.', 503, 'asleep')", ("asleep", 503, "It sleeps.")),
        ("print('It sleeps.', 503, 'asleep')", None),
        ("Refusal(message, code=code, status=status)", None),
    ],
)
def test_an_error_is_read_off_the_call_that_makes_it(source: str, found: tuple[str, int, str] | None) -> None:
    call = ast.parse(source, mode="eval").body
    assert error_in(call, {"SLEEPING": ast.Constant("It sleeps.")}) == found


def test_a_row_of_a_table_counts_as_well() -> None:
    row = ast.parse("(Broken, 502, 'upstream_broken', 'It broke off.')", mode="eval").body
    assert error_in(row, {}) == ("upstream_broken", 502, "It broke off.")


def test_the_page_holds_errors_of_every_room() -> None:
    text = "\n".join(page())
    for code in ("invalid_api_key", "tier_too_low", "office_unavailable", "upstream_unreachable", "key_not_accepted"):
        assert f"| `{code}` |" in text
