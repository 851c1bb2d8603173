"""Reads the URL that a tool is to ask, in exactly one way, and says whether its host is on a list."""

import re
from collections.abc import Sequence
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import msgspec

LONGEST_URL = 4096
_PORTS = {"http": 80, "https": 443}
# Left alone by quoting: what a URL may hold as it is, and the percent sign of what is quoted already.
_AS_IT_IS = "!$&'()*+,;=:@/?%-._~"
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


class UrlRefused(Exception):
    """A URL cannot be asked; the message is a sentence."""


class WebAddress(msgspec.Struct, frozen=True):
    """One http or https URL: where to connect and what to ask there; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Reads a URL. Errors: UrlRefused."""
        if len(url) > LONGEST_URL:
            raise UrlRefused(f"A URL of more than {LONGEST_URL} characters is not opened.")
        if _ODD.search(url.strip(" ")):
            raise UrlRefused("The URL holds spaces, backslashes or control characters; quote them.")
        try:
            parts = urlsplit(url.strip(" "))
            port = parts.port
            host = (
                (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else parts.hostname
            )
        except (ValueError, UnicodeError):
            raise UrlRefused("The URL cannot be read.") from None
        if parts.scheme not in _PORTS:
            raise UrlRefused("Only http and https URLs can be opened.")
        if "@" in parts.netloc:
            raise UrlRefused("A URL with a user name or a password in it is not opened.")
        if not host or not _HOST.fullmatch(host.lower()):
            raise UrlRefused("The URL names no host.")
        if port == 0:
            raise UrlRefused("The URL names no port that can be connected to.")
        path = quote(parts.path or "/", safe=_AS_IT_IS)
        query = f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else ""
        return cls(parts.scheme, host.lower().removesuffix("."), port or _PORTS[parts.scheme], f"{path}{query}")

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a URL."""
        return f"{self.scheme}://{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """The value of `Host`: the port only where it is not the scheme's own."""
        return self._bracketed if self.port == _PORTS[self.scheme] else f"{self._bracketed}:{self.port}"

    @property
    def url(self) -> str:
        """The whole, as it is asked."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def follow(self, location: str) -> Self:
        """Gives where a redirect leads. Errors: UrlRefused."""
        try:
            return self.of(urljoin(self.url, location))
        except ValueError:
            raise UrlRefused("The redirect cannot be read.") from None

    def is_listed(self, hosts: Sequence[str]) -> bool:
        """Whether a list names the host: `example.org`, `*.example.org` for all below it, `*` for any.

        An entry without a port means the scheme's own, `example.org:8443` that one alone.
        """
        return any(self._is(entry.lower()) for entry in hosts)

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def _is(self, entry: str) -> bool:
        name, port = _split(entry)
        if self.port != (port or _PORTS[self.scheme]):
            return False
        if name.startswith("*."):
            return self.host.endswith(name[1:])
        return name in ("*", self.host)


def _split(entry: str) -> tuple[str, int | None]:
    """Gives host and port of an entry of a list; IPv6 stands in brackets."""
    name, colon, port = entry.rpartition(":")
    if not colon or "]" in port or not port.isdecimal():
        return entry.strip("[]"), None
    return name.strip("[]"), int(port)
