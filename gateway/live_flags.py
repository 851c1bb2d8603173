"""Keeps the flags of a process up to date: the settings file is read again when it changes, overrides are told."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from gateway.flags import KNOWN_FLAGS, FlagError, Flags, environment_of, in_force, strangers_in
from gateway.settings import Loaded, is_loopback
from policies.document import DocumentError, read_file

_LOG = logging.getLogger(__name__)
Said: TypeAlias = Mapping[str, bool | str]


class _File(msgspec.Struct, frozen=True):
    """What of a settings file is read again while the gateway runs."""

    flags: dict[str, bool | str] = {}


class LiveFlags:
    """`flags` is what holds; `catch_up` looks for changes, and costs some microseconds where there are none."""

    def __init__(self, loaded: Loaded, environ: Mapping[str, str]) -> None:
        self._environment = environment_of(environ)
        self._file = loaded.file
        self._settings: Said = loaded.settings.flags
        self._overrides: Said = {}
        self._loopback = is_loopback(loaded.settings.server.host)
        self._stamp = _stamp_of(self._file)
        self.flags = Flags(in_force({}, self._environment, self._settings, loopback=self._loopback))
        for stranger in strangers_in(environ):
            _LOG.warning("%s looks like a flag and is none.", stranger)

    def catch_up(self, overrides: Said) -> None:
        """Puts into force what changed. What cannot be read or understood leaves all as it was, and is logged."""
        stamp = _stamp_of(self._file)
        if stamp == self._stamp and overrides == self._overrides:
            return
        try:
            settings = self._settings if stamp == self._stamp else self._read_again()
            found = in_force(overrides, self._environment, settings, loopback=self._loopback)
        except (DocumentError, FlagError, OSError) as error:
            _LOG.error("The flags stay as they are: %s", error)
        else:
            self._settings = settings
            self.flags.tell(found)
        self._stamp, self._overrides = stamp, overrides

    def _read_again(self) -> Said:
        if self._file is None:
            return self._settings
        said = read_file(self._file, _File).flags
        unknown = sorted(set(said) - set(KNOWN_FLAGS))
        if unknown:
            raise FlagError(f"{self._file}, flags.{unknown[0]}: unknown flag; known: {', '.join(KNOWN_FLAGS)}.")
        return said


def _stamp_of(file: Path | None) -> tuple[int, int, int] | None:
    """Gives what is another one after a file was written; None where there is none."""
    try:
        said = file.stat() if file is not None else None
    except OSError:
        return None
    return None if said is None else (said.st_mtime_ns, said.st_size, said.st_ino)
