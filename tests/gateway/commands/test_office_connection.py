"""Tests of what the office of a running gateway says to a command."""

import pytest

from gateway.commands.office_connection import message_of


def test_an_error_of_the_office_is_its_message() -> None:
    assert message_of(403, b'{"error": {"message": "Not so."}}') == "Not so."


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b"{}", b'{"error": "x"}', b'{"error": {"message": "\xff"}}'])
def test_an_answer_of_another_shape_is_its_status(body: bytes) -> None:
    assert message_of(502, body) == "The office answered 502."
