"""Where an upstream or a proxy is: scheme, host and port out of a URL."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """One host to connect to. `user` and `password` are those of the URL, which only a proxy has."""

    tls: bool
    host: str
    port: int
    user: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> Self:
        """Reads `http(s)://[user:password@]host[:port]`; a path is not looked at. ValueError says what is wrong."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL of the form http://host or https://host")
        port = parts.port or _PORTS[parts.scheme]
        user = None if parts.username is None else unquote(parts.username)
        password = None if parts.password is None else unquote(parts.password)
        return cls(parts.scheme == "https", parts.hostname, port, user, password)

    @property
    def authority(self) -> str:
        """The value of `Host`: the port only where it is not the scheme's own."""
        if self.port == _PORTS["https" if self.tls else "http"]:
            return self._bracketed
        return self.host_and_port

    @property
    def host_and_port(self) -> str:
        """The form that CONNECT wants: the port always."""
        return f"{self._bracketed}:{self.port}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host
