"""What the signals cost: python -m tests.plugins.signals.price prints microseconds of CPU for each length of text."""

from collections.abc import Callable
from timeit import repeat

from gateway.testing import an_exchange
from plugins.signals import SixSignals
from tests.plugins.signals.corpora import Text, rows

RUNS, EACH = 1000, 10


def best(function: Callable[[], object]) -> float:
    """Gives the microseconds of the best of many runs."""
    return min(repeat(function, number=EACH, repeat=RUNS)) / EACH * 1e6


def texts() -> dict[str, str]:
    """Gives a text of each length that the page tells of."""
    prompts = [row.text for row in rows(Text, "ordinary")]
    long = [text for text in prompts if len(text) > 400]
    return {
        "a question": "How do I sort a dictionary by value in Python?",
        "a prompt": long[0],
        "2 KB": "\n\n".join(long[:4])[:2048],
        "2 KB, a mixture": " ".join(text for text in prompts if text.isascii())[:2048],
    }


def main() -> None:
    """Prints the table."""
    plugin = SixSignals(SixSignals.Settings())
    for row in rows(Text, "ordinary")[:100]:
        plugin.record(an_exchange(row.text))
    for name, text in texts().items():
        exchange = an_exchange(text)
        observe, record = best(lambda: plugin.observe(exchange)), best(lambda: plugin.record(exchange))  # noqa: B023
        print(f"{name}, {len(text)} characters: observe {observe:.0f} us, record {record:.0f} us")


if __name__ == "__main__":
    main()
