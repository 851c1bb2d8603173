"""Makes the listening sockets and the room for connections, with errors that say what to do."""

import errno
import resource
import socket

from gateway.server.room import SPARE_FILES

BACKLOG = 4096


class ListenError(Exception):
    """An address cannot be listened on; the message says what to do."""


def listening(host: str, port: int, option: str = "--port") -> socket.socket:
    """Gives a listening socket; port 0 takes a free one. Errors: ListenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # One queue for all workers: who is free takes the next connection, and those that wait outlive a worker.
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ListenError(_explained(host, port, option, error)) from None
    except OverflowError:
        raise ListenError(f"Port {port} does not exist; ports go up to 65535.") from None


def address(text: str) -> tuple[str, int]:
    """Reads host:port, with an IPv6 host in brackets. Errors: ListenError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ListenError(f"admin.listen: {text!r} is not of the form host:port, such as 127.0.0.1:8001.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def url_of(listener: socket.socket) -> str:
    """Gives the address that a client on this machine can use."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_room_for(files: int) -> str | None:
    """Raises the limit on open files to what the system allows; says so where that is below `files`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY or most >= files + SPARE_FILES:
        return None
    return (
        f"The system allows {most} open files, and the settings may need {files + SPARE_FILES}: "
        "raise it (ulimit -n), or lower server.max_concurrent and upstream.max_connections."
    )


def _explained(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken; choose another with {option}."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} is not allowed for this user; choose one from 1024 with {option}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; choose another with --host."
    # What the resolver says has numbers of its own, below zero, and comes as a plain OSError.
    if error.errno is not None and error.errno < 0:
        return f"The host {host!r} is not known; choose another with --host."
    return f"Cannot listen on {host}, port {port}: {error.strerror or error}."
