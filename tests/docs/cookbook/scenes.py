"""What is asked of the model in the four days of the cookbook, by whom and when."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

NOW = datetime(2026, 3, 14, 12, 0, 0)
"""When the cookbook asks."""
DAYS = 4
KEYS = {"ada": "lk-ada", "bob": "lk-bob", "ci": "lk-ci"}
AUTH: dict[str, Any] = {
    "passthrough": False,
    "keys": [
        {"key": "lk-ada", "tier": "T3"},
        {"key": "lk-bob", "tier": "T2", "models": ["gpt-4o-mini"]},
        {"key": "lk-ci", "tier": "T2"},
    ],
}


class Scene(NamedTuple):
    """One request: `text` is what the simulator is told; `leaves` says that the client does not wait for the end."""

    at: datetime
    who: str
    model: str
    text: str
    streamed: bool = False
    leaves: bool = False
    tool: bool = False


ONE_DAY: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("ada", "gpt-4o", "Summarize the minutes of the meeting.\n!long 420", {"streamed": True}),
    ("ada", "gpt-4o-mini", "Is this message urgent?", {}),
    ("bob", "gpt-4o-mini", "Translate to Norwegian: the ferry leaves at nine.", {}),
    ("bob", "gpt-4o", "Translate it better.", {}),
    ("ci", "gpt-4o-mini", "Does the build log show a fault?", {}),
    ("ci", "gpt-4o-mini", "Does the build log show a fault?", {}),
    ("ci", "gpt-4o-mini", "Does the build log show a fault?", {}),
    ("ada", "gpt-4.1", "Write the release notes.\n!chunks 60", {"streamed": True}),
    ("bob", "gpt-4o-mini", "!error 429 retry-after=2", {}),
    ("ada", "house-7b", "Name three fjords.", {}),
    ("ci", "gpt-4o-mini", 'Clean up.\n!tool shell {"command": "rm -rf build"}', {"tool": True}),
    ("ada", "gpt-4o", "Tell me a long story.\n!chunks 400 pace=5", {"streamed": True, "leaves": True}),
    ("bob", "gpt-4o-mini", "Go on.\n!chunks 40\n!cut 12", {"streamed": True}),
    ("nobody", "gpt-4o-mini", "Let me in.", {}),
)


def scenes() -> Iterator[Scene]:
    """All requests in their order; the first day has the fewest."""
    chance = Random(314)
    for day in range(DAYS):
        began = NOW.replace(hour=8) - timedelta(days=DAYS - 1 - day)
        few = ONE_DAY[: 5 + 3 * day]
        for who, model, text, more in few:
            began += timedelta(seconds=chance.randint(120, 900))
            yield Scene(began, who, model, text, **more)
