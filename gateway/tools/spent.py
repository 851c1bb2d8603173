"""Adds up the tokens of the steps of a loop."""

from gateway.answers import Usage


def summed(one: Usage | None, other: Usage | None) -> Usage | None:
    """Gives what two steps took together; an estimate in one makes the sum an estimate."""
    if one is None or other is None:
        return one if other is None else other
    counts = {
        name: getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__ if name != "estimated"
    }
    return Usage(**counts, estimated=one.estimated or other.estimated)


def tokens_of(usage: Usage | None) -> int:
    """Gives the tokens read and written."""
    return usage.input_tokens + usage.output_tokens if usage is not None else 0
