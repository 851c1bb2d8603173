"""The reference proxy with a fault: it burns two milliseconds for each request."""

import time

from perf import reference_proxy


class SlowProxy(reference_proxy.Proxy):
    """Forwards, dearly."""

    async def connection(self) -> reference_proxy.Connection:
        end = time.process_time() + 0.002
        while time.process_time() < end:
            pass
        return await super().connection()


if __name__ == "__main__":
    reference_proxy.main(SlowProxy)
