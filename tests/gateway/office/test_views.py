"""Plugins add views to SQL, and one that is wrong stops the start with the plugin's name."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway import hookimpl
from gateway.loader import Chain, Common, LoadError, Plugin, chain_of
from gateway.office.views import plugin_views


class Gives:
    """A plugin that gives whatever it was told to."""

    def __init__(self, views: Any) -> None:
        self._views = views

    @hookimpl
    def register_views(self) -> Any:
        if isinstance(self._views, Exception):
            raise self._views
        return self._views


def chain(**given: Any) -> Chain:
    plugins = [Plugin(name, "1", "test", Gives(views), Common()) for name, views in given.items()]
    return chain_of(plugins, lambda *_: None)


def test_views_of_several_plugins_are_gathered() -> None:
    slow = {"slow": "SELECT audit_id FROM exchanges WHERE total_ms > 1000"}
    many = {"many": "SELECT caller, count(*) AS n FROM exchanges GROUP BY ALL"}
    assert plugin_views(chain(one=slow, two=many, three=None)) == {**slow, **many}


def test_without_views_nothing_is_made() -> None:
    assert plugin_views(chain(one=None)) == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"one": {"slow": "SELECT nosuch FROM exchanges"}}, "The view slow of the plugin one cannot be made: .*nosuch"),
        ({"one": {"exchanges": "SELECT 1"}}, "The plugin one gives the view exchanges, which is the gateway's own."),
        ({"one": {"Slow!": "SELECT 1"}}, "The plugin one gives the view 'Slow!': a name is"),
        ({"one": {"slow": 7}}, "The plugin one gives the view 'slow': a name is"),
        ({"one": RuntimeError("no views today")}, "The plugin one cannot give its views: no views today"),
        ({"one": {"a": "SELECT 1"}, "two": {"a": "SELECT 2"}}, "The plugins one and two both give the view a."),
    ],
    ids=["wrong", "ours", "name", "number", "raises", "twice"],
)
def test_a_view_that_cannot_be_is_told_with_the_plugins_name(given: Mapping[str, Any], says: str) -> None:
    with pytest.raises(LoadError, match=says):
        plugin_views(chain(**given))
