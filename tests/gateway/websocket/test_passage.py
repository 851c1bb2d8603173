"""Handshakes through the gateway: what reaches the upstream, what comes back, and who is turned away."""

import asyncio
import json

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from tests.builders.gateway import until
from tests.builders.raw_client import raw_client
from tests.builders.scripted_upstream import scripted_upstream
from tests.builders.websocket_stage import audit_id_of, echo, handshake, listen, websocket_stage

OPERATOR = {"upstream": {"api_key": "sk-operator"}, "auth": {"keys": [{"key": "lk-ours", "tier": "T2"}]}}


async def refused(connecting):
    with pytest.raises(InvalidStatus) as caught:
        async with connecting:
            pass
    return caught.value.response


def error_of(response):
    body = json.loads(response.body)
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]["code"]


def answering(status, reason, headers, body):
    """An upstream's answer to the handshake that is an ordinary reply."""

    def answer(connection, request):
        return Response(status, reason, Headers([*headers, ("Content-Length", str(len(body)))]), body)

    return answer


# What reaches the upstream.


async def test_the_handshake_reaches_the_upstream_as_the_client_wrote_it():
    headers = [
        ("OpenAI-Beta", "realtime=v1"),
        ("OpenAI-Organization", "org-1"),
        ("X-Stainless-Lang", "python"),
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("x-lukhas-tools", "retrieval"),
        ("x-api-key", "secret"),
        ("Cookie", "a=b"),
    ]
    async with (
        websocket_stage(listen) as stage,
        stage.connect(additional_headers=headers, user_agent_header="client/1.0"),
    ):
        request = stage.last.request
    assert request.headers.get_all("X-Twice") == ["a", "b"]
    assert request.headers["Host"] == stage.upstream.removeprefix("http://")
    assert request.headers["Authorization"] == "Bearer sk-any"
    named = {name.lower(): value for name, value in request.headers.raw_items()}
    assert named["user-agent"] == "client/1.0"
    assert (named["openai-beta"], named["openai-organization"], named["cookie"]) == ("realtime=v1", "org-1", "a=b")
    assert not {"x-lukhas-tools", "x-api-key"} & set(named)


async def test_no_header_is_added_that_the_client_did_not_send():
    async with websocket_stage(listen) as stage, stage.connect(user_agent_header=None):
        names = sorted(name.lower() for name, _ in stage.last.request.headers.raw_items())
    assert names == [
        "authorization",
        "connection",
        "host",
        "sec-websocket-key",
        "sec-websocket-version",
        "upgrade",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/realtime?model=org%2Fmodel&include[]=a&include[]=b&empty=&x",
        "/v1/realtime?",
        "/v1/live/sess%2F1?graceful=true",
        "/v1/newer/thing;p=1:2?beta=true",
    ],
)
async def test_path_and_query_stay_as_they_were_written(path):
    async with websocket_stage(listen) as stage, raw_client(stage.gateway.url) as client:
        assert (await client.ask(handshake(path))).status == 101
        assert stage.last.request.path == path


async def test_the_upstreams_path_takes_the_place_of_v1():
    async with websocket_stage(listen) as first:
        address = f"{first.upstream}/openai/v9"
        async with websocket_stage(listen, upstream={"url": address}) as stage, stage.connect("/v1/realtime?model=m"):
            assert first.last.request.path == "/openai/v9/realtime?model=m"


async def test_nothing_is_compressed_though_the_client_offers_it():
    async with websocket_stage(listen) as stage, stage.connect(compression="deflate") as connection:
        assert "Sec-WebSocket-Extensions" not in stage.last.request.headers
        assert "Sec-WebSocket-Extensions" not in connection.response.headers


async def test_the_upstream_chooses_the_subprotocol():
    async with (
        websocket_stage(listen, subprotocols=["beta", "realtime"]) as stage,
        stage.connect(subprotocols=["realtime", "beta", "other"]) as connection,
    ):
        assert stage.last.request.headers["Sec-WebSocket-Protocol"] == "realtime, beta, other"
        assert connection.subprotocol == "beta"


async def test_no_subprotocol_is_chosen_where_none_was_offered():
    async with websocket_stage(listen) as stage, stage.connect() as connection:
        assert "Sec-WebSocket-Protocol" not in stage.last.request.headers
        assert connection.subprotocol is None


async def test_the_upstreams_headers_come_back_beside_the_audit_id():
    async with websocket_stage(listen) as stage, stage.connect() as connection:
        headers = connection.response.headers
        assert headers["Server"].startswith("Python/")
        assert headers["x-lukhas-audit-id"].startswith("A-")
        assert len(headers.get_all("Connection")) == len(headers.get_all("Sec-WebSocket-Accept")) == 1


# Whose key.


async def test_a_gateway_key_pays_with_the_operators_and_stays_here():
    async with websocket_stage(listen, **OPERATOR) as stage, stage.connect(key="lk-ours"):
        assert stage.last.request.headers.get_all("Authorization") == ["Bearer sk-operator"]
        assert "lk-ours" not in str(stage.last.request.headers)


@pytest.mark.parametrize(("key", "paid_with"), [("sk-browser", "sk-browser"), ("lk-ours", "sk-operator")])
async def test_a_browsers_key_is_a_credential_and_no_subprotocol(key, paid_with):
    protocols = ["realtime", f"openai-insecure-api-key.{key}", "openai-beta.realtime-v1"]
    async with (
        websocket_stage(listen, subprotocols=["realtime"], **OPERATOR) as stage,
        stage.connect(key=None, subprotocols=protocols) as connection,
    ):
        assert connection.subprotocol == "realtime"
        headers = stage.last.request.headers
        assert headers["Sec-WebSocket-Protocol"] == "realtime, openai-beta.realtime-v1"
        assert headers.get_all("Authorization") == [f"Bearer {paid_with}"]
        assert key == paid_with or key not in str(headers)


@pytest.mark.parametrize(
    ("key", "protocols"),
    [
        (None, None),
        ("lk-wrong", None),
        (None, ["openai-insecure-api-key.lk-wrong"]),
        ("sk-any", ["openai-insecure-api-key.sk-other"]),
    ],
)
async def test_a_credential_that_is_missing_wrong_or_double_is_401(key, protocols):
    async with websocket_stage(listen, **OPERATOR) as stage:
        response = await refused(stage.connect(key=key, subprotocols=protocols))
        assert (response.status_code, error_of(response)) == (401, "invalid_api_key")
        assert response.headers["www-authenticate"] == "Bearer"
        record = await stage.record(response.headers["x-lukhas-audit-id"])
        assert (record["outcome"], record["status"], "attempts" in record) == ("refused", 401, False)
        assert stage.connections == []


async def test_the_model_of_the_query_is_checked():
    auth = {"keys": [{"key": "lk-mini", "models": ["gpt-mini"]}]}
    async with websocket_stage(listen, upstream={"api_key": "sk-operator"}, auth=auth) as stage:
        async with stage.connect("/v1/realtime?model=gpt-mini", key="lk-mini"):
            pass
        response = await refused(stage.connect("/v1/realtime?model=gpt-large", key="lk-mini"))
        assert (response.status_code, error_of(response)) == (403, "model_not_allowed")
        response = await refused(stage.connect("/v1/realtime?model=gpt-mini&%6dodel=gpt-large", key="lk-mini"))
        assert (response.status_code, error_of(response)) == (400, "ambiguous_model")


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/live/x?model=gpt-mini", "/v1/new"])
async def test_a_key_for_certain_models_opens_nothing_whose_messages_choose_the_model_unread(path):
    auth = {"keys": [{"key": "lk-mini", "models": ["gpt-mini"]}, {"key": "lk-all"}]}
    async with websocket_stage(listen, upstream={"api_key": "sk-operator"}, auth=auth) as stage:
        response = await refused(stage.connect(path, key="lk-mini"))
        assert (response.status_code, error_of(response)) == (403, "model_required")
        async with stage.connect(path, key="lk-all"):
            assert len(stage.connections) == 1


async def test_over_a_websocket_of_responses_such_a_key_asks_for_these_models_alone():
    auth = {"keys": [{"key": "lk-mini", "models": ["gpt-mini"]}]}
    async with (
        websocket_stage(echo, upstream={"api_key": "sk-operator"}, auth=auth) as stage,
        stage.connect("/v1/responses", key="lk-mini") as connection,
    ):
        asked = '{"type":"response.create","model":"gpt-mini","input":"Hello"}'
        await connection.send(asked)
        assert await connection.recv() == asked
        for model, code in (('"gpt-large"', "model_not_allowed"), ("null", "model_required"), ("7", "invalid_model")):
            await connection.send(f'{{"type":"response.create","model":{model},"input":"Hello"}}')
            assert json.loads(await connection.recv())["error"]["code"] == code


# Answers in place of a websocket.


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "Unauthorized"), (403, "Forbidden"), (429, "Slow down"), (500, "Oops"), (503, "Busy")],
)
async def test_a_refusal_of_the_upstream_keeps_status_body_and_headers(status, reason):
    headers = [
        ("Content-Type", "application/json"),
        ("x-request-id", "req_1"),
        ("retry-after", "7"),
    ]
    body = b'{"error": {"message": "no",  "type": "t", "param": null, "code": "c"}}'
    async with websocket_stage(listen, answer=answering(status, reason, headers, body)) as stage:
        response = await refused(stage.connect())
        assert (response.status_code, response.reason_phrase, response.body) == (status, reason, body)
        for name, value in headers:
            assert response.headers[name] == value
        record = await stage.record(response.headers["x-lukhas-audit-id"])
        assert (record["outcome"], record["status"], record["upstream_request_id"]) == ("answered", status, "req_1")


async def test_a_redirect_is_the_clients_to_follow():
    headers = [("Location", "ws://127.0.0.1:9/v1/realtime")]
    async with websocket_stage(listen, answer=answering(307, "Elsewhere", headers, b"")) as stage:
        async with raw_client(stage.gateway.url) as client:
            reply = await client.ask(handshake())
        assert (reply.status, reply.value(b"location")) == (307, b"ws://127.0.0.1:9/v1/realtime")


async def test_an_upstream_that_is_not_there_is_502():
    async with websocket_stage(listen, upstream={"url": "http://127.0.0.1:9/v1"}) as stage:
        response = await refused(stage.connect())
        assert (response.status_code, error_of(response)) == (502, "upstream_unreachable")
        record = await stage.record(response.headers["x-lukhas-audit-id"])
        assert (record["outcome"], record["attempts"][0]["error"]) == ("upstream_error", "ConnectError")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "upstream_invalid"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "upstream_invalid"),
        (b"", "upstream_broken"),
    ],
)
async def test_an_upstream_that_speaks_something_else_is_502(answer, code):
    async def script(link):
        await link.head()
        await link.send(answer)

    async with scripted_upstream(script) as other, websocket_stage(listen, upstream={"url": other.url}) as stage:
        response = await refused(stage.connect())
        assert (response.status_code, error_of(response)) == (502, code)
        assert (await stage.record(response.headers["x-lukhas-audit-id"]))["outcome"] == "upstream_error"


async def test_an_upstream_that_does_not_answer_is_504():
    async def script(link):
        await link.hung_up()

    async with scripted_upstream(script) as other:
        settings = {"url": other.url, "first_byte_timeout": 0.2}
        async with websocket_stage(listen, upstream=settings) as stage:
            response = await refused(stage.connect())
            assert (response.status_code, error_of(response)) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/socket", 404, "not_found"),
        ("/realtime", 404, "not_found"),
        ("/v1", 404, "not_found"),
        ("/v1//realtime", 400, "non_canonical_path"),
        ("/v1/Realtime?model=m", 400, "non_canonical_path"),
        ("/v1/%72ealtime", 400, "non_canonical_path"),
        ("/v1/files/../realtime", 400, "non_canonical_path"),
    ],
)
async def test_a_path_that_is_not_carried_is_refused(path, status, code):
    async with websocket_stage(listen) as stage:
        response = await refused(stage.connect(path))
        assert (response.status_code, error_of(response)) == (status, code)
        assert stage.connections == []


async def test_bare_paths_are_carried_where_the_settings_say_so():
    async with websocket_stage(listen, server={"bare_paths": True}) as stage:
        async with stage.connect("/realtime?model=m"):
            assert stage.last.request.path == "/v1/realtime?model=m"
        assert (await refused(stage.connect("/socket"))).status_code == 404


async def test_open_websockets_count_as_exchanges_on_their_way():
    async with websocket_stage(listen, server={"max_concurrent": 1}) as stage:
        async with stage.connect():
            response = await refused(stage.connect())
            assert (response.status_code, error_of(response)) == (503, "overloaded")
            record = await stage.record(response.headers["x-lukhas-audit-id"])
            assert (record["status"], record["outcome"]) == (503, "refused")
        front = stage.gateway.gateway.front
        await asyncio.to_thread(until, lambda: front.open == 0, 5, "the place of the closed one")
        async with stage.connect():
            assert front.open == 1


async def test_nothing_is_asked_that_cannot_be_recorded():
    async with websocket_stage(listen) as stage:
        stage.gateway.gateway.journal.close()
        response = await refused(stage.connect())
        assert (response.status_code, error_of(response)) == (503, "journal_unavailable")
        assert stage.connections == []


# Where it goes.

ROUTING = """
from gateway import Route, Target, hookimpl


class Routing:
    @hookimpl
    def route(self, exchange):
        return Route((Target(), Target(model="gpt-second")), fall_back_on=(503,))
"""


async def test_a_route_falls_back_and_names_another_model(tmp_path):
    plugin = tmp_path / "routing.py"
    plugin.write_text(ROUTING)
    asked = []

    def answer(connection, request):
        asked.append(request.path)
        return connection.respond(503, "busy") if len(asked) == 1 else None

    async with websocket_stage(echo, answer=answer, chain=["default", str(plugin)]) as stage:
        async with stage.connect("/v1/realtime?model=gpt-first&x=1") as connection:
            await connection.send("hello")
            assert await connection.recv() == "hello"
        assert asked == ["/v1/realtime?model=gpt-first&x=1", "/v1/realtime?model=gpt-second&x=1"]
        record = await stage.record(audit_id_of(connection))
        assert [(attempt["status"], attempt["model"]) for attempt in record["attempts"]] == [
            (503, "gpt-first"),
            (101, "gpt-second"),
        ]
        assert (record["status"], record["outcome"]) == (101, "answered")
