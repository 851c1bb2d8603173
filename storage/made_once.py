"""Makes a file that several processes and threads want at once: the first to be done wins, and all see it whole."""

import os
import secrets
from pathlib import Path


def make_once(path: Path, content: bytes, mode: int) -> None:
    """Writes a file whole and on the disk, or leaves the one that another was quicker to make. Errors: OSError."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.write(fd, content)
        os.fsync(fd)
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        os.close(fd)
        fresh.unlink()
