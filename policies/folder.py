"""Finds a policy: in the operator's folder where it stands there, else the shipped one."""

from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from policies.document import DocumentError, read_document, read_file

Document = TypeVar("Document")


def read_policy(name: str, kind: type[Document], folder: Path | None) -> tuple[str, Document]:
    """Gives where the policy was found and what it says. Errors: DocumentError."""
    if folder is not None and not folder.is_dir():
        raise DocumentError(f"policies.folder in the settings: {folder} is no folder.")
    if folder is not None and (folder / name).exists():
        path = folder / name
        return str(path), read_file(path, kind)
    text = (files("policies") / name).read_text(encoding="utf-8")
    source = f"policies/{name}"
    return source, read_document(text, kind, source)
