"""The gateway that most crossings are tried on."""

from collections.abc import Iterator
from importlib.resources import files

import pytest

from tests.interactions.crossing import Crossing, callers, crossing

SETTINGS = """
server: {drain_timeout: 2}
flags: {CODE_EXEC_TOOL: true}
plugins: {log: {to: nowhere}, signals: {off: [stress]}}
policies: {folder: policies}
auth:
  keys:
    - {key: lk-low, tier: T1}
    - {key: lk-tools, tools: [retrieval]}
    - {key: lk-code, tier: T2, tools: [code_exec], mode: enforce}
    - {key: lk-off, mode: "off"}
    - {key: lk-few-shadow, models: [gpt-4o-mini]}
    - {key: lk-few-enforce, models: [gpt-4o-mini], mode: enforce}
"""
TOOLS = """
listed: ["listed_*"]
budgets: {steps: 4, seconds: 20, tokens: 4000}
"""
URGENCY = "urgency: {weight: 0.5, cooldown_ms: 300,"
LONG_URGENCY = "urgency: {weight: 0.5, cooldown_ms: 4500,"


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossing]:
    """The shipped chain in shadow, but for keys that say otherwise; a list of tools, small budgets, a long cooldown.

    Its upstream is broken on purpose again and again, which would be stress to the requests of other tests.
    """
    folder = tmp_path_factory.mktemp("crossing")
    (folder / "policies").mkdir()
    (folder / "policies" / "tools.yaml").write_text(TOOLS)
    shipped = (files("policies") / "modulation.yaml").read_text(encoding="utf-8")
    assert URGENCY in shipped
    (folder / "policies" / "modulation.yaml").write_text(shipped.replace(URGENCY, LONG_URGENCY))
    with crossing(folder, SETTINGS + callers(), "--workers", "2") as running:
        yield running
