import pytest

from plugins.browser.charset import text_of


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("grün".encode(), "text/html", "grün"),
        ("grün".encode("latin-1"), "text/html; charset=ISO-8859-1", "grün"),
        ("grün".encode("latin-1"), 'text/html; charset="latin1"', "grün"),
        ("“grün”".encode("cp1252"), "text/html; charset=iso-8859-1", "“grün”"),
        ('<meta charset="windows-1251">привет'.encode("cp1251"), "text/html", '<meta charset="windows-1251">привет'),
        ("日本".encode("shift_jis"), "text/plain; charset=Shift_JIS", "日本"),
        ("\ufeffgrün".encode(), "text/html; charset=latin-1", "grün"),
        ("\ufeffgrün".encode("utf-16-le"), "text/html", "grün"),
        (b"a\xffb", "text/html; charset=utf-8", "a\ufffdb"),
        (b"a", "text/html; charset=punycode", "a"),
        (b"a", "text/html; charset=rot13", "a"),
        (b"a", "text/html; charset=zip", "a"),
        (b"a", "text/html; charset=\u00ff\u00fe", "a"),
    ],
)
def test_bytes_are_read_as_their_sender_says(body: bytes, content_type: str, text: str) -> None:
    assert text_of(body, content_type) == text
