"""Finds a policy: in the operator's folder where it stands there, else the shipped one."""

from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from policies.document import DocumentError, file_text, read_document, read_file

Document = TypeVar("Document")


def read_policy(name: str, kind: type[Document], folder: Path | None) -> tuple[str, Document]:
    """Gives where the policy was found and what it says. Errors: DocumentError."""
    path = _own(name, folder)
    if path is not None:
        return str(path), read_file(path, kind)
    source = f"policies/{name}"
    return source, read_document(_shipped(name), kind, source)


def policy_text(name: str, folder: Path | None) -> str:
    """Gives the text of a policy. Errors: DocumentError."""
    path = _own(name, folder)
    return _shipped(name) if path is None else file_text(path)


def _own(name: str, folder: Path | None) -> Path | None:
    if folder is None:
        return None
    if not folder.is_dir():
        raise DocumentError(f"policies.folder in the settings: {folder} is no folder.")
    return folder / name if (folder / name).exists() else None


def _shipped(name: str) -> str:
    return (files("policies") / name).read_text(encoding="utf-8")
