"""The reference proxy with a fault: it does a thousand useless things for each request."""

from perf import reference_proxy


class SlowProxy(reference_proxy.Proxy):
    """Forwards, dearly."""

    async def connection(self) -> reference_proxy.Connection:
        for number in range(3000):
            str(number)
        return await super().connection()


if __name__ == "__main__":
    reference_proxy.main(SlowProxy)
