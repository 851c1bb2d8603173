"""Loads the settings in force: a file, over it the environment, over it the flags of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.flags import KNOWN_FLAGS, PREFIX, FlagError, environment_of, value_of
from gateway.settings import Loaded, Settings
from gateway.soundness import faults_of
from policies.document import DocumentError, Lines, Place, fault, lines_in, read_file

DEFAULT_FILE = Path("lukhas.yaml")
NOT_BUILT: tuple[tuple[str, str], ...] = (
    ("storage", "memory_url"),
    ("storage", "counters_url"),
    ("storage", "archive_url"),
)
ENVIRONMENT: dict[str, tuple[str, str]] = {
    "OPENAI_API_KEY": ("upstream", "api_key"),
    "LUKHAS_UPSTREAM": ("upstream", "url"),
    "LUKHAS_HOST": ("server", "host"),
    "LUKHAS_PORT": ("server", "port"),
    "LUKHAS_DATA": ("storage", "data"),
}


def load_settings(
    file: str | None, environ: Mapping[str, str], flags: Mapping[tuple[str, str], Any] | None = None
) -> Loaded:
    """Gives the settings in force: flags over environment over file. Errors: DocumentError.

    `flags` are given by section and key. Without `file`, `LUKHAS_CONFIG` names it; without both,
    `lukhas.yaml` is read where there is one.
    """
    named = file or environ.get("LUKHAS_CONFIG")
    path = Path(named) if named else DEFAULT_FILE if DEFAULT_FILE.exists() else None
    settings = read_file(path, Settings) if path else Settings()
    lines = lines_in(path) if path else {}
    _check_flags(settings, str(path), lines, environ)
    _check_built(settings, str(path), lines)
    settings = _from_its_folder(settings, path)
    said_by: dict[Place, str] = {}
    for name, (section, key) in ENVIRONMENT.items():
        if environ.get(name):
            settings = _with(settings, section, key, environ[name], name)
            said_by[section, key] = name
    for (section, key), value in (flags or {}).items():
        if value is not None:
            settings = _with(settings, section, key, value, f"--{key}")
            said_by[section, key] = f"--{key}"
    for place, what in faults_of(settings):
        raise fault(said_by.get(place) or str(path or "settings"), {} if place in said_by else lines, place, what)
    return Loaded(settings, path, lines)


def _from_its_folder(settings: Settings, path: Path | None) -> Settings:
    """Lets relative paths of a settings file start from the folder of the file."""
    if path is None:
        return settings
    folder, ca_file = settings.policies.folder, settings.upstream.ca_file
    if folder is not None:
        settings = _with(settings, "policies", "folder", str(path.parent / folder), str(path))
    if ca_file is not None:
        settings = _with(settings, "upstream", "ca_file", str(path.parent / ca_file), str(path))
    return settings


def _with(settings: Settings, section: str, key: str, value: Any, source: str) -> Settings:
    part = getattr(settings, section)
    kind = next(field.type for field in msgspec.structs.fields(part) if field.name == key)
    try:
        converted = msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise DocumentError(f"{source} ({section}.{key}): {error}.") from None
    return msgspec.structs.replace(settings, **{section: msgspec.structs.replace(part, **{key: converted})})


def _check_flags(settings: Settings, source: str, lines: Lines, environ: Mapping[str, str]) -> None:
    for name, said in settings.flags.items():
        if name not in KNOWN_FLAGS:
            raise fault(source, lines, ("flags", name), f"unknown flag; known: {', '.join(KNOWN_FLAGS)}.")
        try:
            value_of(name, said)
        except FlagError as error:
            raise fault(source, lines, ("flags", name), str(error)) from None
    for name, said in environment_of(environ).items():
        try:
            value_of(name, said)
        except FlagError as error:
            raise DocumentError(f"{PREFIX}{name}: {error}") from None


def _check_built(settings: Settings, source: str, lines: Lines) -> None:
    """Refuses what would be a promise that nothing keeps yet."""
    default = Settings()
    for section, key in NOT_BUILT:
        value = getattr(getattr(settings, section), key)
        if value != getattr(getattr(default, section), key):
            raise fault(source, lines, (section, key), f"{value!r} is not built yet; leave the key out.")
