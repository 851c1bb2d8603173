"""What the tutorial says can go wrong is what the gateway says then."""

import pytest

from tests.docs.blocks import ROOT
from tests.docs.tables import table

SOURCES = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "gateway").rglob("*.py")))
SYMPTOMS = [row[0] for row in table(ROOT / "docs" / "writing_a_plugin.md", "symptom")]
QUOTED = [symptom.split("`")[1] for symptom in SYMPTOMS if "`" in symptom]


@pytest.mark.parametrize("words", QUOTED)
def test_a_symptom_is_quoted_as_the_gateway_writes_it(words: str) -> None:
    assert words in SOURCES
