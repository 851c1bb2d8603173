import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from gateway.tools.addresses import AddressRefused, checked, is_public, public_or_in
from gateway.transport.dialer import Resolve
from gateway.transport.race import AddressInfo

PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::200e")
NOT_PUBLIC = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%2",
    "fec0::1",
    "ff02::1",
    "2606:4700::1%3",
    "",
    "localhost",
    "0177.0.0.1",
    "2130706433",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_reached(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_this_machine_and_its_networks_may_not(address: str) -> None:
    assert not is_public(address)


def test_an_operator_may_open_a_network_and_never_what_keeps_credentials() -> None:
    may_reach = public_or_in([ip_network("10.1.0.0/16"), ip_network("169.254.0.0/16"), ip_network("fd00::/8")])
    assert may_reach("10.1.2.3")
    assert may_reach("fd12::1")
    assert may_reach("8.8.8.8")
    assert not may_reach("10.2.0.1")
    assert not may_reach("169.254.169.254")
    assert not may_reach("fd00:ec2::254")
    assert not may_reach("no address")


@pytest.mark.parametrize(
    "address", ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fe80::1", "ff02::1", "224.0.0.1"]
)
def test_not_even_a_network_of_everything_opens_what_stands_for_another_address(address: str) -> None:
    assert not public_or_in([ip_network("::/0"), ip_network("0.0.0.0/0")])(address)


def answering(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[AddressInfo]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    return resolve


async def test_a_resolver_that_is_checked_hands_on_public_addresses() -> None:
    found = await checked(answering("1.1.1.1", "2606:4700:4700::1111"), is_public)("a.example", 443)
    assert [each[4][0] for each in found] == ["1.1.1.1", "2606:4700:4700::1111"]


async def test_one_private_address_refuses_the_host_and_the_message_does_not_tell_it() -> None:
    with pytest.raises(AddressRefused) as caught:
        await checked(answering("1.1.1.1", "10.0.0.7"), is_public)("a.example", 443)
    assert "a.example" in str(caught.value)
    assert "10.0.0.7" not in str(caught.value)


async def test_an_address_with_a_zone_beside_it_is_not_public() -> None:
    async def resolve(host: str, port: int) -> Sequence[AddressInfo]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1", port, 0, 4))]

    with pytest.raises(AddressRefused):
        await checked(resolve, is_public)("a.example", 443)


async def test_what_is_no_internet_address_at_all_is_refused() -> None:
    async def resolve(host: str, port: int) -> Sequence[AddressInfo]:
        return [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/run/docker.sock")]

    with pytest.raises(AddressRefused):
        await checked(resolve, is_public)("a.example", 443)
