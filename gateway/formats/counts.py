"""Reads how many tokens a reply says that it took."""

from typing import Any

from gateway.answers import MOST_TOKENS, Usage
from gateway.formats.strangers import member


def usage(reply: Any) -> Usage | None:
    """Gives the usage of a whole reply in either spelling of the API, None where it has no token counts."""
    said = member(reply, "usage")
    if said.__class__ is not dict:
        return None
    read = _count(said, "input_tokens", "prompt_tokens")
    wrote = _count(said, "output_tokens", "completion_tokens")
    if read is None and wrote is None:
        return None
    # The last spelling of each is that of realtime sessions.
    read_details = (
        said.get("input_tokens_details") or said.get("prompt_tokens_details") or said.get("input_token_details")
    )
    wrote_details = (
        said.get("output_tokens_details") or said.get("completion_tokens_details") or said.get("output_token_details")
    )
    if not (read_details or wrote_details):
        return Usage(read or 0, wrote or 0)
    return Usage(
        read or 0,
        wrote or 0,
        cached_tokens=_count(read_details, "cached_tokens") or 0,
        reasoning_tokens=_count(wrote_details, "reasoning_tokens") or 0,
        audio_input_tokens=_count(read_details, "audio_tokens") or 0,
        audio_output_tokens=_count(wrote_details, "audio_tokens") or 0,
        cached_audio_tokens=_count(member(read_details, "cached_tokens_details"), "audio_tokens") or 0,
    )


def _count(value: Any, *keys: str) -> int | None:
    if value.__class__ is dict:
        for key in keys:
            found = value.get(key)
            if found.__class__ is int and 0 <= found <= MOST_TOKENS:
                return found
    return None
