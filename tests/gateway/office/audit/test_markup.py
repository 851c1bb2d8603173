"""No text becomes markup unless it was built as markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.office.audit.markup import Markup, clipped, element, joined, shown


class Reading(HTMLParser):
    """What a browser makes of a page: its tags, attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


HOSTILE = some.text() | some.sampled_from(
    ("<script>alert(1)</script>", "\" onload='x'", "</p><img src=x onerror=y>", "&lt;b&gt;", "]]>", "<!--", "\u202egpj")
)


@given(HOSTILE, HOSTILE)
def test_a_text_stays_a_text_and_a_value_a_value(text: str, value: str) -> None:
    read = Reading(element("p", text, title=value))
    assert read.tags == ["p"]
    assert read.attributes == [("title", shown(value))]
    assert "".join(read.texts) == shown(text)


@given(HOSTILE)
def test_what_was_built_is_not_escaped_again(text: str) -> None:
    once = element("b", text)
    assert joined(once) == once
    assert element("p", once) == f"<p>{once}</p>"


def test_attributes_are_named_as_in_html() -> None:
    built = element("a", "x", class_="y", aria_label="z", viewBox="0 0 1 1", title=None, width=2.5, name="n")
    assert built == '<a class="y" aria-label="z" viewBox="0 0 1 1" width="2.5" name="n">x</a>'


def test_children_of_nothing_are_left_out() -> None:
    assert element("p", None, Markup(""), "") == "<p></p>"
    assert element("br") == "<br>"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85", "\u202e", "\u2066", "\u200f", "\ud800"])
def test_what_cannot_be_seen_has_a_sign(character: str) -> None:
    assert shown(f"a{character}b") == "a\ufffdb"
    assert shown("a\nb\tc é 漢 🎈") == "a\nb\tc é 漢 🎈"


def test_a_long_text_is_clipped_with_a_sign() -> None:
    assert (clipped("abc", 3), clipped("abcd", 3)) == ("abc", "ab…")
