"""Reads the source tree and says where it breaks the rules of the house; nothing is imported or run."""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ROOMS = ("gateway", "plugins", "policies", "identity", "storage")
# Which rooms a room may import; `gateway` stands for its front door alone where a plugin asks.
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "plugins": frozenset(("gateway", "identity", "policies", "storage")),
    "gateway": frozenset(("gateway", "identity", "policies", "storage")),
    "identity": frozenset(("identity", "storage", "policies")),
    "policies": frozenset(("policies",)),
    "storage": frozenset(("storage",)),
}
# The homes of each foreign package: files, or folders with all below them. A new home is a decision.
HOMES: Mapping[str, tuple[str, ...]] = {
    "ahocorasick_rs": ("plugins/signals/cues.py",),
    "alembic": ("storage/state/migrations", "storage/state/schema.py"),
    "click": ("gateway/commands", "gateway/hookspecs.py", "gateway/references/cli.py"),
    "cryptography": ("storage/bodies.py", "storage/signing.py", "storage/state/sealed.py"),
    "duckdb": (
        "storage/blocked_calls.py",
        "storage/expiry.py",
        "storage/ingest.py",
        "storage/kept_bundles.py",
        "storage/parquet.py",
        "storage/readers.py",
        "storage/rebuild.py",
        "storage/shown_people.py",
        "storage/sql_check.py",
        "storage/sql_files.py",
        "storage/sql_sandbox.py",
        "storage/sql_schema.py",
        "storage/view_check.py",
        "storage/warehouse.py",
        "storage/warehouse_file.py",
    ),
    "httptools": ("gateway/server", "gateway/transport"),
    "litestar": ("gateway/office",),
    "multipart": ("gateway/form.py", "gateway/simulator"),
    "nanoarrow": ("storage/sql_files.py",),
    "pluggy": ("gateway/hookspecs.py", "gateway/loader.py"),
    "prometheus_client": (
        "gateway/exposition.py",
        "gateway/hookspecs.py",
        "gateway/lifecycle.py",
        "gateway/metrics.py",
        "gateway/office",
        "gateway/references/metrics.py",
        "gateway/testing",
        "plugins/log.py",
    ),
    "quickjs": ("plugins/code_exec/cell.py",),
    "re2": ("plugins/signals/cues.py",),
    "rich": ("gateway/commands/printing.py", "gateway/commands/progress.py"),
    "rs_bpe": ("gateway/simulator", "plugins/usage.py"),
    "sqlalchemy": ("storage/state",),
    "uuid_utils": ("gateway/audit_id.py",),
    "uvicorn": (
        "gateway/office/server.py",
        "gateway/server",
        "gateway/serving.py",
        "gateway/simulator/server.py",
        "gateway/worker.py",
    ),
    "uvloop": ("gateway/processes/fate.py",),
    "websockets": ("gateway/server", "gateway/websocket"),
    "yaml": ("policies/document.py",),
    "zstandard": ("storage/bodies.py", "storage/packing.py", "storage/segments.py"),
}
AT_HOME_EVERYWHERE = frozenset(("msgspec",))
EMPTY_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?|base|misc|common)(?:_|$)")
# Functions in all but their making: pluggy's marks, click's options and commands.
LOWER_CASE_GLOBALS = re.compile(r"gateway/hookspecs\.py (hookspec|_mark)|gateway/commands/\w+\.py (command|\w+_option)")
# What loads a module when it is asked for: a command of forty, and the database, which most workers never open.
LOADS_WHEN_ASKED = frozenset(("gateway/commands/__init__.py", "storage/state/when_needed.py"))
# Remembered answers of pure functions: what ships and is slow to read, for who builds many chains, and names that come
# often.
REMEMBERS = frozenset(
    (
        "gateway/testing/builders.py _shipped_policies",
        "gateway/testing/builders.py _table",
        "plugins/signals/patterns.py shipped_cues",
        "policies/redaction.py redacted_name",
    )
)
CHANGES_IN_PLACE = frozenset(
    (
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    )
)


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path below the root, with slashes, and its syntax."""

    path: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.path.partition("/")[0]


Rule: TypeAlias = Callable[[Source], Iterator[str]]


def sources(root: Path) -> list[Source]:
    """Gives every file of the rooms."""
    return [
        Source(path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
    ]


def faults(rule: Rule, tree: Iterable[Source]) -> list[str]:
    """Gives what a rule finds in the files of a tree, each with file and line."""
    return [f"{source.path}:{fault}" for source in tree for fault in rule(source)]


def imports_point_down(source: Source) -> Iterator[str]:
    """Rooms import only what lies below them, and plugins neither another plugin nor behind the front door.

    A plugin that is a folder may import what stands in it.
    """
    allowed = MAY_IMPORT[source.room]
    own = ".".join(source.path.split("/")[:2]) if source.path.count("/") > 1 else None
    for line, module, _ in _imported(source):
        room = module.partition(".")[0]
        if source.room == "plugins" and own is not None and f"{module}.".startswith(f"{own}."):
            continue
        if room in ROOMS and room not in allowed:
            yield f"{line}: {source.room} imports {module}"
        elif source.room == "plugins" and module.startswith("gateway."):
            yield f"{line}: a plugin imports {module}; its front door is `gateway`"


def plugins_use_the_front_door(source: Source) -> Iterator[str]:
    """What a plugin takes from `gateway` is a name that stands there, and not a module behind it."""
    if source.room == "plugins":
        for line, module, name in _imported(source):
            if module == "gateway" and (name is None or name[:1] == "_"):
                yield f"{line}: takes the package `gateway` or a private name of it"


def foreign_packages_stay_at_home(source: Source) -> Iterator[str]:
    """A foreign package is imported in its homes alone."""
    for line, package in _foreign(source):
        if package in AT_HOME_EVERYWHERE:
            continue
        homes = HOMES.get(package)
        if homes is None:
            yield f"{line}: {package} has no home"
        elif not any(source.path == home or source.path.startswith(f"{home}/") for home in homes):
            yield f"{line}: {package} is at home in {', '.join(homes)}"


def imports_stand_at_the_top(source: Source) -> Iterator[str]:
    """No import inside a function, none under a condition, and none by the name of a module but in named places."""
    top = {id(node) for node in source.tree.body}
    for node in ast.walk(source.tree):
        if _named(node) in ("import_module", "__import__") and source.path not in LOADS_WHEN_ASKED:
            yield f"{getattr(node, 'lineno', 0)}: loads a module by its name"
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in top:
            yield f"{node.lineno}: an import that does not stand at the top"


def nothing_is_for_type_checking_alone(source: Source) -> Iterator[str]:
    """`TYPE_CHECKING` means that two files stand in the wrong order."""
    for node in ast.walk(source.tree):
        names = [node.id] if isinstance(node, ast.Name) else [node.attr] if isinstance(node, ast.Attribute) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        if "TYPE_CHECKING" in names:
            yield f"{getattr(node, 'lineno', 0)}: TYPE_CHECKING"


def plugins_leave_the_exchange_alone(source: Source) -> Iterator[str]:
    """Plugins answer; the pipeline alone writes."""
    if source.room != "plugins":
        return
    for node in ast.walk(source.tree):
        written: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            written = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            written = [node.target]
        elif isinstance(node, ast.Delete):
            written = node.targets
        elif isinstance(node, ast.Call):
            named = isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr")
            written = node.args[:1] if named else []
            if isinstance(node.func, ast.Attribute):
                in_place = node.func.attr in CHANGES_IN_PLACE
                written = [node.func.value] if in_place else node.args[:1] if node.func.attr == "__setattr__" else []
        for target in (part for each in written for part in _parts(each)):
            bare = isinstance(target, ast.Name) and not isinstance(node, ast.Call)
            if _root(target) == "exchange" and not bare:
                yield f"{target.lineno}: changes the exchange"


def files_have_telling_names(source: Source) -> Iterator[str]:
    """A file named utils says that a word is missing."""
    for part in Path(source.path).with_suffix("").parts:
        if EMPTY_NAMES.search(part):
            yield f"1: {part!r} says nothing"


def modules_begin_with_a_sentence(source: Source) -> Iterator[str]:
    """The first sentence of a module says whether you are in the right room."""
    said = ast.get_docstring(source.tree)
    first = said.partition("\n\n")[0] if said else ""
    if not re.fullmatch(r"[A-Z`/].*[.:]", first, re.DOTALL):
        yield "1: does not begin with a sentence"


def modules_keep_no_state(source: Source) -> Iterator[str]:
    """Module names are constants: none in lower case, none changed by a function."""
    names = {
        target.id: node
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for name, node in names.items():
        constant = name.lstrip("_")[:1].isupper() or name.startswith("__") or isinstance(node.value, ast.Constant)
        if not constant and not LOWER_CASE_GLOBALS.fullmatch(f"{source.path} {name}"):
            yield f"{node.lineno}: the global {name} is no constant"
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _changes_of_globals(function, frozenset(names))
            marks = {_named(node) for mark in function.decorator_list for node in ast.walk(mark)}
            if marks & {"cache", "lru_cache"} and f"{source.path} {function.name}" not in REMEMBERS:
                yield f"{function.lineno}: {function.name} remembers its answers in the module"


RULES: tuple[Rule, ...] = (
    imports_point_down,
    plugins_use_the_front_door,
    foreign_packages_stay_at_home,
    imports_stand_at_the_top,
    nothing_is_for_type_checking_alone,
    plugins_leave_the_exchange_alone,
    files_have_telling_names,
    modules_begin_with_a_sentence,
    modules_keep_no_state,
)


def homes_in_use(tree: Iterable[Source]) -> set[tuple[str, str]]:
    """Gives each package with each of its homes in which it is imported."""
    return {
        (package, home)
        for source in tree
        for _, package in _foreign(source)
        for home in HOMES.get(package, ())
        if source.path == home or source.path.startswith(f"{home}/")
    }


def _imported(source: Source) -> Iterator[tuple[int, str, str | None]]:
    """Gives line, module and name of each import; `from gateway import loader` may name a module too."""
    package = source.path.split("/")[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield node.lineno, ".".join([*above, *([node.module] if node.module else [])]), alias.name


def _foreign(source: Source) -> Iterator[tuple[int, str]]:
    for line, module, _ in _imported(source):
        package = module.partition(".")[0]
        if package not in ROOMS and package not in sys.stdlib_module_names:
            yield line, package


def _named(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _parts(target: ast.expr) -> list[ast.expr]:
    return (
        [part for each in target.elts for part in _parts(each)]
        if isinstance(target, ast.Tuple | ast.List)
        else [target]
    )


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _changes_of_globals(function: ast.FunctionDef | ast.AsyncFunctionDef, names: frozenset[str]) -> Iterator[str]:
    own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: global {', '.join(node.names)}"
            continue
        changed: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES_IN_PLACE:
            changed = node.func.value
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            changed = node
        root = _root(changed) if changed is not None else None
        if changed is not None and root in names - own:
            yield f"{changed.lineno}: changes the module's {root}"
