"""An internet of one's own for tests: names that lead to servers on loopback, and addresses that count as public."""

import asyncio
import socket
from collections.abc import Mapping, Sequence

from gateway.tools.addresses import MayReach
from gateway.transport.race import AddressInfo


class Names:
    """A resolver that knows these names, each with the addresses of its first, second, ... question.

    The last ones stay. `asked` lists the questions. Numeric hosts are left to the system, as a resolver does.
    """

    def __init__(self, known: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._known = known
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[AddressInfo]:
        answers = self._known.get(host)
        if answers is None:
            return await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        addresses = answers[min(self.asked.count(host), len(answers) - 1)]
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in addresses]


def only(*addresses: str) -> MayReach:
    """Says that these addresses may be reached, and no others."""
    return lambda address: address in addresses
