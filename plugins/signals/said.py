"""What a request says, by who said it, as far as the extractors read."""

from collections.abc import Iterable

import msgspec

from gateway import Turn


class Said(msgspec.Struct, frozen=True, gc=False):
    """The user's last turn, what tools gave after it, what users and tools said before.

    `in_context` says that there is something that the last turn may mean: an earlier turn, a picture, a file.
    """

    last: str = ""
    tools: str = ""
    earlier: str = ""
    in_context: bool = False


NOTHING_SAID = Said()


def said(turns: Iterable[Turn], most: int) -> Said:
    """Gives what was said, of the newest turns as many as hold `most` characters.

    Of a turn that is too long its beginning and its end are read. Instructions of the system and turns of the model
    are not: the first are the operator's, the second were judged when they were written.
    """
    last: list[str] = []
    tools: list[str] = []
    earlier: list[str] = []
    in_context = False
    place = tools
    for turn in turns:
        if turn.role == "assistant":
            in_context = True
            place = earlier if last else place
            continue
        if turn.role == "system":
            continue
        in_context = in_context or turn.attached
        if turn.role == "user" and place is not earlier:
            place = last
        elif turn.role == "tool" and place is last:
            place = earlier
        text = turn.text if len(turn.text) <= most else f"{turn.text[: most // 2]}\n{turn.text[-(most // 2) :]}"
        place.append(text)
        most -= len(text)
        if most <= 0:
            break
    if not last and not tools:
        return NOTHING_SAID
    return Said(_joined(last), _joined(tools), _joined(earlier), in_context or bool(earlier))


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else "\n".join(reversed(texts))
