"""Websockets: handshakes, frames, close codes."""

import json
import os

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect

KEY = {"Authorization": "Bearer k"}


@pytest.fixture
def address(simulator):
    return simulator.replace("http", "ws")


@pytest.mark.parametrize("path", ["/v1/realtime?model=gpt-realtime", "/v1/responses", "/v1/live/sessions"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-bad"}])
def test_without_a_good_key_the_handshake_is_401(address, path, headers):
    with pytest.raises(InvalidStatus) as caught:
        connect(address + path, additional_headers=headers)
    response = caught.value.response
    assert response.status_code == 401
    assert set(json.loads(response.body)["error"]) == {"message", "type", "param", "code"}


def test_an_unknown_path_and_a_missing_model_are_404(address):
    for path in ("/v1/chat/completions", "/v1/realtime?model=missing-x"):
        with pytest.raises(InvalidStatus) as caught:
            connect(address + path, additional_headers=KEY)
        assert caught.value.response.status_code == 404


def test_a_browser_gives_its_key_as_a_subprotocol(address):
    protocols = ["realtime", "openai-insecure-api-key.k"]
    with connect(f"{address}/v1/realtime?model=m", subprotocols=protocols) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(socket.recv())["session"]["model"] == "m"
    with pytest.raises(InvalidStatus):
        connect(f"{address}/v1/realtime", subprotocols=["realtime", "openai-insecure-api-key.sk-bad"])


def test_no_subprotocol_is_chosen_that_was_not_offered(address):
    with connect(f"{address}/v1/realtime", additional_headers=KEY) as socket:
        assert socket.subprotocol is None


def test_frames_of_three_megabytes_come_back(address):
    data = os.urandom(3_000_000)
    with connect(f"{address}/v1/live/sessions", additional_headers=KEY, max_size=None) as socket:
        socket.send(data)
        assert socket.recv() == data
        socket.send("é" * 1_500_000)
        assert socket.recv() == "é" * 1_500_000


@pytest.mark.parametrize(
    ("asked", "code", "reason"), [("!close 4001 tired of it", 4001, "tired of it"), ("!close 1000", 1000, "")]
)
def test_the_server_closes_with_the_code_that_was_asked_for(address, asked, code, reason):
    with connect(f"{address}/v1/responses", additional_headers=KEY) as socket:
        socket.send(asked)
        with pytest.raises((ConnectionClosedError, ConnectionClosedOK)) as caught:
            socket.recv()
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, reason)


@pytest.mark.parametrize(
    "text", ["!close 1006", "!close 0999", "!close 4000 " + "x" * 200, "{not json", "[1]", '{"type": "new.event"}']
)
def test_what_means_nothing_comes_back(address, text):
    with connect(f"{address}/v1/responses", additional_headers=KEY) as socket:
        socket.send(text)
        assert socket.recv() == text


def test_the_handshake_is_recorded(address, http):
    with connect(f"{address}/v1/realtime?model=m&x=%2F", additional_headers={**KEY, "OpenAI-Beta": "realtime=v1"}):
        last = http.get("/_last").json()
    assert (last["method"], last["path"]) == ("GET", "/v1/realtime?model=m&x=%2F")
    assert last["headers"]["openai-beta"] == "realtime=v1"


def test_a_cut_ends_without_a_close_frame(address):
    with connect(f"{address}/v1/responses", additional_headers=KEY) as socket:
        socket.send(json.dumps({"type": "response.create", "model": "m", "input": "!say a b c\n!cut 1"}))
        kinds = []
        with pytest.raises(ConnectionClosedError) as caught:
            while True:
                kinds.append(json.loads(socket.recv())["type"])
    assert caught.value.rcvd is None
    assert kinds.count("response.output_text.delta") == 1


def test_an_error_is_an_event_and_the_session_goes_on(address):
    with connect(f"{address}/v1/responses", additional_headers=KEY) as socket:
        socket.send(json.dumps({"type": "response.create", "model": "m", "input": "!error 429 code=slow"}))
        error = json.loads(socket.recv())
        assert (error["type"], error["status"], error["error"]["code"]) == ("error", 429, "slow")
        socket.send("still here")
        assert socket.recv() == "still here"
