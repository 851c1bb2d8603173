import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.browser.page_text import PageText, page_text

PAGE = """<!DOCTYPE html>
<html><head><title>Shop &amp; rules</title><style>p { color: red }</style>
<script>if (1 < 2) { document.write("<p>not said</p>") }</script></head>
<body><!-- a note <p>hidden</p> --><h1>Rules</h1><p class="a>b">Refunds take
14&nbsp;days.</p><ul><li>One<li>Two</ul><noscript>no</noscript>
<table><tr><td>a</td><td>b</td></tr></table><p>2 < 3 &lt; 4</p></BODY></html>"""


def test_a_page_becomes_its_title_and_its_lines() -> None:
    assert page_text(PAGE) == PageText(
        "Shop & rules", "Rules\n\nRefunds take\n14 days.\n\nOne\nTwo\n\na b\n\n2 < 3 < 4"
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a<b>c</b>d", "acd"),
        ("a<br/>b", "a\nb"),
        ("<p>a</P>b", "a\nb"),
        ("<script>x</SCRIPT >y", "y"),
        ("<script>x", "x"),
        ("a<!-- b", "a"),
        ("a<p title='b>c", "a\nc"),
        ("<a title=it's>x</a> isn't", "x isn't"),
        ("&#x41;&bogus;&#99999999999;", "A&bogus;\ufffd"),
        ("<", "<"),
        ("a</", "a</"),
        ("İ<script>x</script>b", "İb"),
    ],
)
def test_what_is_not_well_formed_is_read_all_the_same(page: str, text: str) -> None:
    assert page_text(page).text == text


@pytest.mark.parametrize(
    "piece",
    ["<", "<!", "<!--", "<a ", "<a b='", '<a b="', "<script>", "</script", "<title>", "&#", "&#9", "<a/", "<p>", "='"],
)
def test_no_page_takes_longer_than_its_length_allows(piece: str) -> None:
    began = time.process_time()
    page_text(piece * (600_000 // len(piece)))
    assert time.process_time() - began < 4


@given(st.text(alphabet="<>!-/='\" ab&#;x\n", max_size=200))
def test_any_text_is_read(text: str) -> None:
    page_text(text)


@given(st.text(alphabet=st.characters(exclude_characters="<&", exclude_categories=["Cs"]), max_size=100))
def test_text_without_tags_keeps_its_words(text: str) -> None:
    assert page_text(text).text.split() == text.split()
