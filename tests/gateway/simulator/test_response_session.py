"""Responses over a websocket, by the official SDK."""

import pytest

# The SDK connects in a way that websockets 17 has begun to warn of.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")


def test_a_response_is_streamed_as_frames(client):
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-5", input="!say over a wire")
        kinds, text = [], ""
        for event in connection:
            kinds.append(event.type)
            text += event.delta if event.type == "response.output_text.delta" else ""
            if event.type == "response.completed":
                break
    assert (kinds[0], text) == ("response.created", "over a wire")
