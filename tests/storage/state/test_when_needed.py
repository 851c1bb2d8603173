from collections.abc import Callable
from pathlib import Path

import pytest

from storage.state.state import State
from storage.state.state_error import StateError
from storage.state.when_needed import StateWhenNeeded


def test_nothing_is_opened_before_the_first_question_and_the_schema_is_the_offices(
    opened: Callable[..., State], address: str | None, tmp_path: Path
) -> None:
    later = StateWhenNeeded(tmp_path, address)
    with pytest.raises(StateError, match="waits for the office"):
        later()
    opened()
    assert later().symbols.of("p-ada") is None
    assert later() is later()
    later.close()
    with pytest.raises(StateError, match="is closed"):
        later()
    later.close()
