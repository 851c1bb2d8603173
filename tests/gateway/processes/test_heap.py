"""The collector's work in a process that serves."""

import subprocess
import sys

MADE_AT_THE_START = """
import gc
from gateway.processes.heap import settle

made = [[number] for number in range(10_000)]
lost = []
lost.append(lost)
del lost
settle()
print(gc.is_tracked(made), len(gc.get_objects()) < 100, gc.get_freeze_count() > 10_000, gc.collect())
"""


def test_what_the_start_has_made_is_looked_through_no_more() -> None:
    run = subprocess.run([sys.executable, "-c", MADE_AT_THE_START], capture_output=True, check=True, text=True)
    assert run.stdout.split() == ["True", "True", "True", "0"]
