import pytest

from gateway.transport.origin import Origin


@pytest.mark.parametrize(
    ("url", "origin", "authority", "host_and_port"),
    [
        ("https://api.openai.com/v1", Origin(True, "api.openai.com", 443), "api.openai.com", "api.openai.com:443"),
        ("http://localhost:9000", Origin(False, "localhost", 9000), "localhost:9000", "localhost:9000"),
        ("http://localhost:80", Origin(False, "localhost", 80), "localhost", "localhost:80"),
        ("https://[::1]:8443/v1", Origin(True, "::1", 8443), "[::1]:8443", "[::1]:8443"),
        ("https://[2001:db8::1]", Origin(True, "2001:db8::1", 443), "[2001:db8::1]", "[2001:db8::1]:443"),
    ],
)
def test_reads_scheme_host_and_port(url: str, origin: Origin, authority: str, host_and_port: str) -> None:
    read = Origin.of(url)
    assert (read, read.authority, read.host_and_port) == (origin, authority, host_and_port)


def test_reads_the_credentials_of_a_proxy_out_of_their_escapes() -> None:
    read = Origin.of("http://us%40er:p%3Ass@proxy:3128")
    assert (read.user, read.password) == ("us@er", "p:ss")


@pytest.mark.parametrize(
    "url", ["api.openai.com", "ftp://host", "https://", "http://host:notaport", "http://host:70000"]
)
def test_says_which_url_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"host|[Pp]ort"):
        Origin.of(url)
