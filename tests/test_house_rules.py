"""The rules of the house hold in the whole tree, and each of them finds what breaks it."""

from pathlib import Path

import pytest

from tests.house_rules import (
    HOMES,
    RULES,
    Rule,
    Source,
    faults,
    files_have_telling_names,
    foreign_packages_stay_at_home,
    homes_in_use,
    imports_point_down,
    imports_stand_at_the_top,
    modules_begin_with_a_sentence,
    modules_keep_no_state,
    nothing_is_for_type_checking_alone,
    plugins_leave_the_exchange_alone,
    plugins_use_the_front_door,
    sources,
)

ROOT = Path(__file__).parent.parent
BREACHES: tuple[tuple[Rule, str, str], ...] = (
    (imports_point_down, "plugins/a.py", "from gateway.exchange import Exchange"),
    (imports_point_down, "plugins/a.py", "import gateway.hooks"),
    (imports_point_down, "plugins/a.py", "from plugins.usage import UsageCount"),
    (imports_point_down, "plugins/a.py", "from plugins import usage"),
    (imports_point_down, "plugins/a.py", "from .usage import UsageCount"),
    (imports_point_down, "plugins/a.py", "from . import usage"),
    (imports_point_down, "plugins/a/b.py", "from plugins.usage import UsageCount"),
    (imports_point_down, "plugins/a/b.py", "from plugins.ab import c"),
    (imports_point_down, "plugins/a/b.py", "from plugins import a"),
    (imports_point_down, "gateway/a/b.py", "from plugins import log"),
    (imports_point_down, "gateway/a.py", "import tests, plugins.log"),
    (imports_point_down, "identity/a.py", "from gateway import Exchange"),
    (imports_point_down, "identity/a.py", "import plugins"),
    (imports_point_down, "policies/a.py", "from storage.journal import Journal"),
    (imports_point_down, "policies/a.py", "from identity.caller import Caller"),
    (imports_point_down, "storage/a.py", "from policies.document import Size"),
    (imports_point_down, "storage/a.py", "def f():\n    import gateway"),
    (plugins_use_the_front_door, "plugins/a.py", "import gateway"),
    (plugins_use_the_front_door, "plugins/a.py", "from gateway import _hidden"),
    (foreign_packages_stay_at_home, "plugins/a.py", "import yaml"),
    (foreign_packages_stay_at_home, "gateway/passage.py", "from httptools import HttpRequestParser"),
    (foreign_packages_stay_at_home, "gateway/a.py", "import requests"),
    (foreign_packages_stay_at_home, "gateway/server_of_old.py", "import httptools"),
    (imports_stand_at_the_top, "gateway/a.py", "def f():\n    import json"),
    (imports_stand_at_the_top, "gateway/a.py", "class A:\n    from json import loads"),
    (imports_stand_at_the_top, "gateway/a.py", "try:\n    import json\nexcept ImportError:\n    json = None"),
    (imports_stand_at_the_top, "gateway/a.py", "def f():\n    return import_module('json')"),
    (imports_stand_at_the_top, "storage/a.py", "def f():\n    return importlib.import_module('json')"),
    (imports_stand_at_the_top, "gateway/a.py", "JSON = __import__('json')"),
    (nothing_is_for_type_checking_alone, "gateway/a.py", "from typing import TYPE_CHECKING"),
    (nothing_is_for_type_checking_alone, "gateway/a.py", "import typing\nif typing.TYPE_CHECKING:\n    pass"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    exchange.caller = None"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    exchange.usage += 1"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    exchange.signals['a'] = 1"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    exchange.request.json['a'] = 1"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    a, exchange.error = 1, 2"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    del exchange.trail[0]"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    exchange.trail.append(1)"),
    (plugins_leave_the_exchange_alone, "plugins/a.py", "def f(exchange):\n    setattr(exchange, 'error', 'x')"),
    (
        plugins_leave_the_exchange_alone,
        "plugins/a.py",
        "def f(exchange):\n    object.__setattr__(exchange.request, 'body', b'')",
    ),
    (files_have_telling_names, "gateway/utils.py", ""),
    (files_have_telling_names, "gateway/http_helpers.py", ""),
    (files_have_telling_names, "gateway/misc/a.py", ""),
    (files_have_telling_names, "plugins/plugin_manager.py", ""),
    (modules_begin_with_a_sentence, "gateway/a.py", "x: int"),
    (modules_begin_with_a_sentence, "gateway/a.py", '"""stuff"""'),
    (modules_keep_no_state, "gateway/a.py", "cache = {}"),
    (modules_keep_no_state, "gateway/a.py", "SEEN: set[str] = set()\ndef f(name):\n    SEEN.add(name)"),
    (modules_keep_no_state, "gateway/a.py", "SEEN = {}\nclass A:\n    def f(self, name):\n        SEEN[name] = 1"),
    (modules_keep_no_state, "gateway/a.py", "@cache\ndef f(name):\n    return name"),
    (modules_keep_no_state, "gateway/a.py", "class A:\n    @functools.lru_cache(maxsize=9)\n    def f(self): ..."),
    (modules_keep_no_state, "gateway/a.py", "COUNT = 0\ndef f():\n    global COUNT\n    COUNT += 1"),
)


@pytest.fixture(scope="module")
def tree() -> list[Source]:
    return sources(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule, tree: list[Source]) -> None:
    assert faults(rule, tree) == []


@pytest.mark.parametrize(("rule", "path", "code"), BREACHES)
def test_the_rule_finds_a_breach(rule: Rule, path: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(code)
    found = faults(rule, sources(tmp_path))
    assert {fault.partition(":")[0] for fault in found} == {path}


def test_every_rule_has_a_breach_that_it_finds() -> None:
    assert {rule for rule, _, _ in BREACHES} == set(RULES)


def test_a_plugin_may_read_the_exchange_and_keep_what_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "counts.py").write_text(
        '"""Counts."""\n\nfrom gateway import Exchange\n\n\nclass Counts:\n'
        "    def observe(self, exchange: Exchange) -> None:\n"
        "        self.seen.append(exchange.id)\n"
        "        self.by_model[exchange.request.model] = 1\n"
        "        exchange = exchange or None\n"
    )
    assert [fault for rule in RULES for fault in faults(rule, sources(tmp_path))] == []


def test_a_plugin_that_is_a_folder_may_import_what_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "plugins" / "counts").mkdir(parents=True)
    (tmp_path / "plugins" / "counts" / "plugin.py").write_text("from plugins.counts.sums import added\n")
    assert faults(imports_point_down, sources(tmp_path)) == []


def test_every_home_is_lived_in(tree: list[Source]) -> None:
    assert homes_in_use(tree) == {(package, home) for package, homes in HOMES.items() for home in homes}


def test_all_rooms_are_read(tree: list[Source]) -> None:
    assert {source.room for source in tree} == {"gateway", "plugins", "policies", "identity", "storage"}
