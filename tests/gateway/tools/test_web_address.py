import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tools.web_address import LONGEST_URL, UrlRefused, WebAddress


@pytest.mark.parametrize(
    ("url", "origin", "authority", "target"),
    [
        ("https://example.org", "https://example.org:443", "example.org", "/"),
        ("HTTPS://Example.ORG./a?b=c#d", "https://example.org:443", "example.org", "/a?b=c"),
        (
            "http://example.org:8080/a%20b/ü?q=ö",
            "http://example.org:8080",
            "example.org:8080",
            "/a%20b/%C3%BC?q=%C3%B6",
        ),
        ("https://bücher.example/", "https://xn--bcher-kva.example:443", "xn--bcher-kva.example", "/"),
        ("http://[2606:4700::1]:81/x", "http://[2606:4700::1]:81", "[2606:4700::1]:81", "/x"),
    ],
    ids=["bare", "upper case", "odd letters", "international", "IPv6"],
)
def test_a_url_is_read_in_one_way(url: str, origin: str, authority: str, target: str) -> None:
    address = WebAddress.of(url)
    assert (address.origin, address.authority, address.target) == (origin, authority, target)
    assert WebAddress.of(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org:70/_x",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user:secret@example.org/",
        "http://listed.example@evil.example/",
        "http://@example.org/",
        "http://example.org\\@evil.example/",
        "http://exa mple.org/",
        "http://example.org/a\r\nX-Evil: 1",
        "http://example.org/a\tb",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://example.org:8o/",
        "http://[::1/",
        "http://ex%61mple.org/",
        "http://a..b/",
        "http://" + "a" * LONGEST_URL,
    ],
    ids=lambda url: url[:24].encode("unicode_escape").decode() or "empty",
)
def test_what_could_be_read_in_two_ways_or_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        WebAddress.of(url)


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(UrlRefused) as caught:
        WebAddress.of("https://user:hunter2@example.org/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "hosts", "listed"),
    [
        ("https://docs.example.org/", ["docs.example.org"], True),
        ("https://docs.example.org/", ["DOCS.example.org"], True),
        ("https://docs.example.org/", ["*.example.org"], True),
        ("https://example.org/", ["*.example.org"], False),
        ("https://evil-example.org/", ["*.example.org", "example.org"], False),
        ("https://example.org.evil.example/", ["example.org", "*.example.org"], False),
        ("https://example.org:8443/", ["example.org"], False),
        ("https://example.org:8443/", ["example.org:8443"], True),
        ("https://example.org/", ["example.org:8443"], False),
        ("http://[2606:4700::1]/", ["[2606:4700::1]"], True),
        ("https://anything.example/", ["*"], True),
        ("https://anything.example:22/", ["*"], False),
        ("https://anything.example/", [], False),
    ],
)
def test_a_list_names_hosts_and_no_more_than_it_says(url: str, hosts: list[str], listed: bool) -> None:
    assert WebAddress.of(url).is_listed(hosts) is listed


def test_a_redirect_is_read_as_strictly_as_a_url() -> None:
    start = WebAddress.of("https://example.org/a/b?c")
    assert start.follow("../d").url == "https://example.org/d"
    assert start.follow("//other.example/e").url == "https://other.example/e"
    for location in ("file:///etc/passwd", "http://u:p@example.org/", "http://[::1/", "gopher://a.example/"):
        with pytest.raises(UrlRefused):
            start.follow(location)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.example", "http://[", "//"]))
def test_any_text_is_refused_in_a_sentence_or_means_one_place(text: str, before: str) -> None:
    try:
        address = WebAddress.of(before + text)
    except UrlRefused as error:
        assert str(error).endswith(".")
    else:
        assert WebAddress.of(address.url) == address
        assert address.url.isascii()
        assert not set(address.url) & set(" \r\n\t\\")
