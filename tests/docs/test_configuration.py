"""The page of configuration names the variables that count, and what each of them sets."""

import pytest

from gateway.configuration import load_settings
from gateway.settings import Settings
from tests.docs.blocks import ROOT
from tests.docs.tables import table

VARIABLES = [
    (name.strip("`"), setting.strip("`")) for name, setting in table(ROOT / "docs" / "configuration.md", "variable")
]


@pytest.mark.parametrize(("variable", "setting"), VARIABLES)
def test_a_variable_sets_what_the_page_says(variable: str, setting: str) -> None:
    given = {"server.port": "8123", "upstream.url": "http://127.0.0.1:9/v1"}.get(setting, "given")

    settings = load_settings(None, {variable: given}).settings

    assert str(at(settings, setting)) == given
    assert str(at(Settings(), setting)) != given


def at(settings: Settings, place: str) -> object:
    section, key = place.split(".")
    return getattr(getattr(settings, section), key)
