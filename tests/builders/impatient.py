"""A supervisor that waits a second where the real one waits ten: `python -m tests.builders.impatient FOLDER`."""

import os
import sys
from pathlib import Path

from gateway.processes.orders import Flag, Orders
from gateway.processes.supervisor import Patience, Supervisor


def main() -> None:
    """Holds an office, and prints its process id and what becomes of it."""
    folder = Path(sys.argv[1])
    orders = Orders(
        role="office",
        writer="office",
        reports=-1,
        office=str(folder / "office.sock"),
        accepted=str(folder / "accepted"),
        flags=(Flag("storage", "data", str(folder)),),
    )
    supervisor = Supervisor(
        [("office", orders)],
        [],
        os.environ,
        Patience(silence=1.4),
        say=lambda sentence: print(sentence, flush=True),
        ended=lambda _pid: None,
    )
    supervisor.run(ready=lambda: print(_child_of(os.getpid()), flush=True))


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


if __name__ == "__main__":
    main()
