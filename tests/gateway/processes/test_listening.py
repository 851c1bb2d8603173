"""Listening sockets, and sentences that say what to do where there can be none."""

import resource
import socket

import pytest

from gateway.processes.listening import ListenError, address, listening, make_room_for, url_of


def test_port_0_takes_a_free_one_and_says_which() -> None:
    with listening("127.0.0.1", 0) as listener:
        host, _, port = url_of(listener).rpartition(":")
        assert host == "http://127.0.0.1"
        socket.create_connection(("127.0.0.1", int(port))).close()


def test_an_ipv6_address_is_written_in_brackets() -> None:
    with listening("::1", 0) as listener:
        assert url_of(listener).startswith("http://[::1]:")


@pytest.mark.parametrize(("host", "here"), [("0.0.0.0", "http://127.0.0.1:"), ("::", "http://[::1]:")])
def test_everywhere_is_this_machine_for_who_asks_from_here(host: str, here: str) -> None:
    with listening(host, 0) as listener:
        assert url_of(listener).startswith(here)


def test_a_taken_port_names_the_option_that_changes_it() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ListenError, match=f"Port {port} on 127.0.0.1 is taken; choose another with admin.listen."):
            listening("127.0.0.1", port, "admin.listen")


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
        ("no-such-host.invalid", "The host 'no-such-host.invalid' is not known"),
    ],
)
def test_a_host_that_is_not_ours_is_named(host: str, says: str) -> None:
    with pytest.raises(ListenError, match=says):
        listening(host, 0)


def test_an_address_is_host_and_port() -> None:
    assert address("127.0.0.1:8001") == ("127.0.0.1", 8001)
    assert address("[::1]:8001") == ("::1", 8001)


@pytest.mark.parametrize("text", ["8001", ":8001", "here", "here:", "here:there"])
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ListenError, match="not of the form host:port"):
        address(text)


def test_too_few_open_files_are_said_before_they_run_out() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert make_room_for(1) is None
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most
    said = make_room_for(most)
    assert said is not None
    assert f"The system allows {most} open files" in said
