"""Live sessions, by the official SDK."""

import pytest

# The SDK connects in a way that websockets 17 has begun to warn of.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")


def test_a_session_starts_and_closes(client):
    with client.live.connect() as connection:
        connection.send({"type": "session.start", "session": {"model": "gpt-live-1"}, "event_id": "e1"})
        started = connection.recv()
        assert (started.type, started.session.model, started.client_event_id) == ("session.started", "gpt-live-1", "e1")
        connection.send({"type": "session.close"})
        assert connection.recv().reason == "close_requested"
