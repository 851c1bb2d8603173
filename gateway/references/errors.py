"""The page of the errors: each code that the gateway itself answers with, found in the source where it is made."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeAlias

from gateway.references.tables import code, table

TITLE = "Errors"
_ROOMS = ("gateway", "plugins", "identity")
_LEFT_OUT = ("simulator", "references", "testing")
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
_NAME = re.compile(r"[a-z_]+")
_MAKERS = {"Refusal", "Cut", "error_body", "error_object", "_refuse", "refuse"}
_DEFAULT_STATUS = {"Refusal": 403}
Found: TypeAlias = tuple[str, int, str]


def page() -> list[str]:
    """Gives the lines."""
    found = {(name, status, message) for name, status, message in _all_found()}
    return [
        'Errors of the gateway itself have OpenAI\'s shape, `{"error": {"message", "type", "param", "code"}}`; `code`',
        "says which it is. Errors of the upstream pass as they came. A plugin of yours brings codes of its own.",
        "",
        *table(
            ("code", "status", "message"), [(code(name), str(status), text) for name, status, text in sorted(found)]
        ),
    ]


def _all_found() -> Iterator[Found]:
    for room in _ROOMS:
        for source in _sources(files(room)):
            tree = ast.parse(source.read_text(encoding="utf-8"))
            constants = {
                target.id: node.value
                for node in tree.body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(tree):
                found = error_in(node, constants)
                if found is not None:
                    yield found


def _sources(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir() and entry.name not in _LEFT_OUT:
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry


def error_in(node: ast.AST, constants: dict[str, ast.expr]) -> Found | None:
    """Gives the error that a call makes, or that a row of a table describes: its code, status and message."""
    if isinstance(node, ast.Call):
        maker = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if maker not in _MAKERS:
            return None
        parts = [*node.args, *(each.value for each in node.keywords if each.arg in ("message", "code", "status"))]
    elif isinstance(node, ast.Tuple):
        maker, parts = "", list(node.elts)
    else:
        return None
    texts = [text for part in parts if (text := _text(part, constants)) is not None]
    numbers = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, int)]
    statuses = [number for number in numbers if 400 <= number < 600]
    status = statuses[0] if statuses else _DEFAULT_STATUS.get(maker)
    messages = [text for text in texts if " " in text]
    codes = [text for text in texts if _CODE.fullmatch(text)]
    if status is None or not codes or (not messages and not maker):
        return None
    return codes[0], status, messages[0] if messages else "says what is wrong"


def _text(part: ast.expr, constants: dict[str, ast.expr]) -> str | None:
    if isinstance(part, ast.Name) and part.id in constants:
        part = constants[part.id]
    if isinstance(part, ast.Constant):
        return part.value if isinstance(part.value, str) else None
    if isinstance(part, ast.JoinedStr):
        return "".join(
            str(each.value) if isinstance(each, ast.Constant) else _placeholder(each) for each in part.values
        )
    return None


def _placeholder(part: ast.expr) -> str:
    names = _NAME.findall(ast.unparse(part.value)) if isinstance(part, ast.FormattedValue) else []
    return f"{{{names[-1].strip('_').replace('_', ' ')}}}" if names else "..."
