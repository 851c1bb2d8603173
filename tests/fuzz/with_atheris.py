"""Lets atheris look for input that breaks one parser: python -m tests.fuzz.with_atheris NAME CORPUS SECONDS.

It runs in the environment of `make fuzz`, with the gateway's own packages on the path.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway", "policies", "storage"]):
    from tests.fuzz.parsers import SEEDS, TARGETS


def main(name: str, corpus: Path, seconds: str) -> None:
    """Runs until the time is over, or until something breaks; atheris leaves the process itself."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-verbosity=0",
        f"-artifact_prefix={corpus.parent}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
