"""Which addresses a tool may connect to: those of the public internet, and none of this machine or its networks.

The tables follow IANA's registries of special-purpose addresses. Of IPv6 only global unicast is public, which leaves
out what stands for an IPv4 address: mapped (`::ffff:0:0/96`), translated (`64:ff9b::/96`), and local addresses.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from gateway.transport.dialer import Resolve
from gateway.transport.race import AddressInfo

Network: TypeAlias = IPv4Network | IPv6Network
MayReach: TypeAlias = Callable[[str], bool]
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NEVER = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "192.0.0.192/32",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "fe80::/10",
        "ff00::/8",
    )
)
"""Where clouds keep the credentials of a machine, what is no single machine, and IPv6 that stands for an IPv4 address,
of which it could be any: no setting opens these."""


class AddressRefused(OSError):
    """A host has an address that may not be connected to; the message names the host and not the address."""


def is_public(address: str) -> bool:
    """Whether an address, in its numeric form, is one of the public internet."""
    found = _parsed(address)
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _NOT_PUBLIC_V4)
    if isinstance(found, IPv6Address):
        return found.scope_id is None and found in _GLOBAL_V6 and not any(found in each for each in _NOT_PUBLIC_V6)
    return False


def public_or_in(networks: Sequence[Network]) -> MayReach:
    """Gives the same question, where the operator has opened networks of their own as well."""

    def may_reach(address: str) -> bool:
        found = _parsed(address)
        if found is None or getattr(found, "scope_id", None) or any(found in network for network in _NEVER):
            return False
        return is_public(address) or any(found in network for network in networks)

    return may_reach


def checked(resolve: Resolve, may_reach: MayReach) -> Resolve:
    """Gives a resolver that hands on what may be reached; one address that may not refuses the host as a whole.

    Whoever connects has to connect to what this gave: a name may stand for something else the next time. Errors of
    the resolver: AddressRefused.
    """

    async def resolved(host: str, port: int) -> Sequence[AddressInfo]:
        found = await resolve(host, port)
        for family, _kind, _protocol, _name, target in found:
            if family not in (socket.AF_INET, socket.AF_INET6) or not may_reach(_numeric(target)):
                raise AddressRefused(f"{host} is at an address that may not be reached from here")
        return found

    return resolved


def _numeric(target: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Gives the address of a socket address, with the zone that stands beside it for IPv6."""
    zone = target[3] if len(target) > 3 else 0
    return f"{target[0]}%{zone}" if zone and "%" not in target[0] else target[0]


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
