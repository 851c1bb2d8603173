"""Ordinary requests as people and programs send them: a half to tune on, and a half that was held out."""

from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "prompts"


class Ordinary(msgspec.Struct, frozen=True):
    """A request with its path below the gateway's address and its body as written; `kind` says what it is about."""

    kind: str
    path: str
    body: msgspec.Raw

    @property
    def last_turn(self) -> str:
        """What the user said last."""
        json: dict[str, Any] = msgspec.json.decode(self.body)
        turns = json.get("messages") or json["input"]
        return str(
            turns if isinstance(turns, str) else [each["content"] for each in turns if each["role"] == "user"][-1]
        )


def ordinary_requests(half: str) -> list[Ordinary]:
    """Gives the requests of a half: `tuned` or `held_out`."""
    lines = FOLDER.joinpath(half).with_suffix(".jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Ordinary) for line in lines]
