"""What is wrong in the office, told to the workers by a file beside its socket, so that `/readyz` can say it."""

from pathlib import Path


class OfficeFault:
    """The file is there while something is wrong, and holds the sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, fault: str | None) -> None:
        """Says what is wrong, or with None that all is well. Errors: OSError."""
        if fault is None:
            self._path.unlink(missing_ok=True)
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(fault, encoding="utf-8")
        fresh.replace(self._path)

    def told(self) -> str | None:
        """Gives what the office said last; it takes a few microseconds."""
        try:
            return self._path.read_text(encoding="utf-8")
        except OSError:
            return None
