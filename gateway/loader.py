"""Finds the plugins that the settings name, gives each its settings, and puts their hooks in order."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain as joined
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pluggy

from gateway.hooks import Counted, FailurePolicy, Implementation
from gateway.hookspecs import EXCHANGE_HOOKS, LIFECYCLE_HOOKS, PROJECT, Hook, Hooks
from gateway.settings import SHIPPED_CHAIN, Loaded
from gateway.tools.registry import NO_TOOLS, Tool, ToolRegistry
from policies.document import DocumentError, converted, fault

GROUP = "lukhas.plugins"


class LoadError(Exception):
    """A plugin cannot be loaded; the message names it and says why."""


class Common(msgspec.Struct, frozen=True):
    """The keys that every plugin's settings may have beside its own."""

    failure: str = "closed"
    reason: str = ""
    budget_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Plugin(msgspec.Struct, frozen=True):
    """A plugin as it was loaded; `origin` is the distribution or file that it came from."""

    name: str
    version: str
    origin: str
    instance: Any
    common: Common


class Chain(msgspec.Struct, frozen=True):
    """The plugins in order, and for each hook its implementations in the order in which they are asked."""

    plugins: tuple[Plugin, ...]
    implementations: dict[str, tuple[Implementation, ...]]
    lifecycle: dict[str, tuple[tuple[str, Callable[..., Any]], ...]]
    tools: ToolRegistry = NO_TOOLS

    def of(self, hook: Callable[..., Any]) -> tuple[Implementation, ...]:
        """Gives who is asked for a hook, named by its specification (`Hooks.identify`)."""
        return self.implementations[hook.__name__]

    def life(self, hook: Callable[..., Any]) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """Gives plugin name and method for a hook of the plugin's life (`Hooks.startup`)."""
        return self.lifecycle[hook.__name__]


def load_chain(loaded: Loaded, counted: Counted) -> Chain:
    """Gives the chain that the settings describe; `counted` is told of each fault. Errors: LoadError, DocumentError."""
    names = chain_names(loaded.settings.chain)
    installed = {point.name: point for point in entry_points(group=GROUP)}
    plugins = [_load(name, loaded, installed) for name in names]
    unused = sorted(set(loaded.settings.plugins) - {plugin.name for plugin in plugins})
    if unused:
        known = ", ".join(plugin.name for plugin in plugins)
        what = f"no plugin of this name is in the chain; it has: {known}."
        raise fault(str(loaded.file), loaded.lines, ("plugins", unused[0]), what)
    return chain_of(plugins, counted)


def chain_of(plugins: Iterable[Plugin], counted: Counted) -> Chain:
    """Gives the chain of these plugins, in this order. Errors: LoadError."""
    plugins = tuple(plugins)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for plugin in plugins:
        try:
            if manager.register(plugin.instance, plugin.name) is None:
                raise LoadError(f"The plugin {plugin.name} is blocked.")
            manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise LoadError(f"The plugin {plugin.name} does not fit the hooks: {error}") from None
    order = {plugin.name: number for number, plugin in enumerate(plugins)}
    by_name = {plugin.name: plugin for plugin in plugins}

    def found(hook: str) -> list[pluggy.HookImpl]:
        return sorted(getattr(manager.hook, hook).get_hookimpls(), key=lambda each: order[each.plugin_name])

    lifecycle = {
        name: tuple((each.plugin_name, _with_arguments(each, _specified(name))) for each in found(name))
        for name in LIFECYCLE_HOOKS
    }
    tools = _tools(lifecycle["register_tools"])
    implementations = {
        hook.name: tuple(
            _implementation(hook, each, by_name[each.plugin_name], counted, tools.get(each.plugin_name, ()))
            for each in found(hook.name)
        )
        for hook in EXCHANGE_HOOKS
    }
    return Chain(plugins, implementations, lifecycle, ToolRegistry(joined.from_iterable(tools.values())))


def _tools(registrations: Iterable[tuple[str, Callable[..., Any]]]) -> dict[str, tuple[Tool, ...]]:
    """Gives the hosted tools by plugin. Errors: LoadError."""
    found: dict[str, tuple[Tool, ...]] = {}
    for plugin, register in registrations:
        given = tuple(register() or ())
        try:
            ToolRegistry((*joined.from_iterable(found.values()), *given))
        except ValueError as error:
            raise LoadError(f"The tools of the plugin {plugin} cannot be taken: {error}") from None
        found[plugin] = given
    return found


def chain_names(chain: tuple[str, ...]) -> list[str]:
    """Gives the names of the plugins in order. Errors: LoadError for one that is named twice."""
    names = [name for entry in chain for name in (SHIPPED_CHAIN if entry == "default" else (entry,))]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise LoadError(f"The chain names the plugin {name} twice.")
    return names


def _load(entry: str, loaded: Loaded, installed: Mapping[str, EntryPoint]) -> Plugin:
    if entry.endswith(".py"):
        file = (loaded.folder / entry).resolve()
        name, version, origin = file.stem, "file", str(file)
        kind = _class_of_file(file)
    else:
        point = _entry_point(entry, installed)
        name, version, origin = entry, point.dist.version if point.dist else "?", point.dist.name if point.dist else "?"
        try:
            kind = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing a plugin runs a stranger's code
            raise LoadError(f"The plugin {entry} cannot be imported from {point.value}: {error}.") from None
    return built(kind, name, version, origin, loaded)


def built(kind: type, name: str, version: str, origin: str, loaded: Loaded) -> Plugin:
    """Gives the plugin made from its class with its part of the settings. Errors: LoadError, DocumentError."""
    values = dict(loaded.settings.plugins.get(name, {}))
    source, lines, below = str(loaded.file or "settings"), loaded.lines, ("plugins", name)
    shared = {key: values.pop(key) for key in Common.__struct_fields__ if key in values}
    common = converted(shared, Common, source, lines, below)
    if common.failure not in ("closed", "open"):
        what = f"{common.failure!r} is neither closed nor open."
        raise fault(source, lines, (*below, "failure"), what)
    if common.failure == "open" and len(common.reason) < 8:
        raise fault(source, lines, (*below, "reason"), "opening a plugin's failures needs a written reason.")
    settings_kind = getattr(kind, "Settings", None)
    if settings_kind is None and values:
        known = ", ".join(Common.__struct_fields__)
        what = f"unknown key; the plugin has no settings of its own; known: {known}."
        raise fault(source, lines, (*below, next(iter(values))), what)
    try:
        instance = kind() if settings_kind is None else kind(converted(values, settings_kind, source, lines, below))
    except DocumentError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - making a plugin runs a stranger's code
        raise LoadError(f"The plugin {name} cannot be made: {type(error).__name__}: {error}.") from None
    return Plugin(name, version, origin, instance, common)


def _entry_point(name: str, installed: Mapping[str, EntryPoint]) -> EntryPoint:
    if name not in installed:
        known = ", ".join(sorted(installed))
        raise LoadError(
            f"The chain names the plugin {name!r}, which is not installed; installed: {known}. "
            "A plugin in a file is named by its path, ending in .py."
        )
    return installed[name]


def _class_of_file(file: Path) -> type:
    if not file.is_file():
        raise LoadError(f"The chain names the plugin file {file}, which is not there.")
    spec = spec_from_file_location(f"lukhas_plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise LoadError(f"The plugin file {file} cannot be read as Python.")
    module = module_from_spec(spec)
    # Dataclasses and Litestar's handlers look their annotations up by the module's name.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing a plugin runs a stranger's code
        raise LoadError(f"The plugin file {file} cannot be imported: {type(error).__name__}: {error}.") from None
    classes = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and _has_hooks(each)
    ]
    if len(classes) != 1:
        raise LoadError(f"The plugin file {file} must hold one class with @hookimpl methods; it holds {len(classes)}.")
    return classes[0]


def _has_hooks(kind: type) -> bool:
    return any(hasattr(member, f"{PROJECT}_impl") for member in vars(kind).values())


def _specified(hook: str) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(getattr(Hooks, hook)).parameters if name != "self")


def _with_arguments(found: pluggy.HookImpl, given: tuple[str, ...]) -> Callable[..., Any]:
    """Gives the method as one that takes all arguments of its hook in order, and hands on those it asked for."""
    if found.hookwrapper or found.wrapper or found.tryfirst or found.trylast:
        raise LoadError(
            f"The plugin {found.plugin_name} asks for a place of its own or wraps a hook; the order is the settings'."
        )
    method: Callable[..., Any] = found.function
    if tuple(found.argnames) == given:
        return method
    places = [given.index(name) for name in found.argnames]
    return lambda *arguments: method(*(arguments[place] for place in places))


def _implementation(
    hook: Hook, found: pluggy.HookImpl, plugin: Plugin, counted: Counted, tools: tuple[Tool, ...]
) -> Implementation:
    options = getattr(found.function, "lukhas_options", {})
    common = plugin.common
    budget_ms = common.budget_ms
    if budget_ms is None and hook.name == "run_tool" and tools:
        budget_ms = max(tool.seconds for tool in tools) * 1000
    return Implementation(
        hook,
        plugin.name,
        plugin.version,
        found.function,
        _with_arguments(found, _specified(hook.name)),
        failure=FailurePolicy(common.failure == "open", common.reason),
        budget_ns=int(budget_ms * 1e6) if budget_ms else None,
        counted=counted,
        **options,
    )
