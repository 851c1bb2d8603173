"""The SQL views that plugins add: gathered when the office is built, and tried, so that a wrong one stops the start."""

import re

from gateway.hookspecs import Hooks
from gateway.loader import Chain, LoadError
from storage.view_check import view_faults
from storage.warehouse_file import VIEWS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def plugin_views(chain: Chain) -> dict[str, str]:
    """Gives the SELECT of each view by its name. Errors: LoadError, with the name of the plugin; OSError."""
    plugins: dict[str, str] = {}
    views: dict[str, str] = {}
    for plugin, register in chain.life(Hooks.register_views):
        try:
            given = register() or {}
        except Exception as error:
            raise LoadError(f"The plugin {plugin} cannot give its views: {error}") from error
        for name, select in given.items():
            if not isinstance(name, str) or not isinstance(select, str) or not _NAME.fullmatch(name):
                raise LoadError(
                    f"The plugin {plugin} gives the view {name!r}: a name is a-z, 0-9 and _, a view is SQL."
                )
            if name in VIEWS:
                raise LoadError(f"The plugin {plugin} gives the view {name}, which is the gateway's own.")
            if name in plugins:
                raise LoadError(f"The plugins {plugins[name]} and {plugin} both give the view {name}.")
            plugins[name], views[name] = plugin, select
    for name, fault in (view_faults(views) if views else {}).items():
        raise LoadError(f"The view {name} of the plugin {plugins[name]} cannot be made: {fault}")
    return views
