"""Types of the settings, as an operator reads them."""

from typing import Any

import pytest

from gateway.references.settings import type_of
from gateway.settings import Key, Mode, Port, Seconds
from policies.document import Size


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (str | None, "text"),
        (bool | str, "yes or no or text"),
        (Size, "size"),
        (Seconds, "number (above 0)"),
        (Port, "number (from 0, to 65535)"),
        (Mode, "`off`, `shadow`, `enforce`"),
        (tuple[Key, ...], "list of key"),
        (dict[str, dict[str, Any]], "anything, by name, by name"),
    ],
)
def test_a_type_is_put_into_words(kind: Any, text: str) -> None:
    assert type_of(kind) == text
