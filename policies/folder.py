"""Finds a policy: in the operator's folder where it stands there, else the shipped one."""

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from policies.document import DocumentError, file_text, read_document, read_file

Document = TypeVar("Document")
_ENDINGS = (".yaml", ".yml", ".json")


def read_policy(name: str, kind: type[Document], folder: Path | None) -> tuple[str, Document]:
    """Gives where the policy was found and what it says. Errors: DocumentError."""
    path = own_policy(name, folder)
    if path is not None:
        return str(path), read_file(path, kind)
    source = f"policies/{name}"
    return source, read_document(_shipped(name), kind, source)


def policy_text(name: str, folder: Path | None) -> str:
    """Gives the text of a policy. Errors: DocumentError."""
    path = own_policy(name, folder)
    return _shipped(name) if path is None else file_text(path)


def own_policy(name: str, folder: Path | None) -> Path | None:
    """Gives where the operator's policy stands, also one that cannot be read; None without one. Errors: DocumentError.

    A link that leads nowhere stands there: somebody meant something by it.
    """
    if folder is None:
        return None
    path = folder / name
    try:
        if not folder.is_dir():
            raise DocumentError(f"policies.folder in the settings: {folder} is no folder.")
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}.") from None
    return path


def unread_policies(folder: Path, read: Collection[str]) -> list[str]:
    """Gives the names of files in the folder that look like policies and are none of those that are `read`."""
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return []
    return [name for name in names if name.casefold().endswith(_ENDINGS) and name not in read]


def _shipped(name: str) -> str:
    return (files("policies") / name).read_text(encoding="utf-8")
