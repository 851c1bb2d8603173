"""Pages of the origins that the settings name may ask the model API, and no others."""

from gateway.client import Client
from gateway.cross_origin import CrossOrigin
from gateway.exchange import Headers
from tests.builders.fake_client import FakeClient

APP = b"https://app.example"
QUESTION = (
    (b"Origin", APP),
    (b"Access-Control-Request-Method", b"POST"),
    (b"Access-Control-Request-Headers", b"authorization,content-type,x-stainless-os"),
)


def asking(headers: Headers, method: bytes = b"OPTIONS") -> FakeClient:
    return FakeClient(None, method=method, headers=headers)


def replied(client: Client, *headers: tuple[bytes, bytes]) -> None:
    client.start(200, headers, None)
    client.write(b"data")
    client.finish()


def test_a_browsers_question_is_answered() -> None:
    client = asking(QUESTION)
    assert CrossOrigin(("https://app.example",)).answered(client)
    assert (client.status, client.sent) == (204, b"")
    assert client.header(b"access-control-allow-origin") == APP
    assert client.header(b"access-control-allow-headers") == b"authorization,content-type,x-stainless-os"
    assert b"POST" in (client.header(b"access-control-allow-methods") or b"")
    assert client.header(b"vary") == b"Origin"


def test_any_origin_is_an_origin_where_the_settings_say_so() -> None:
    client = asking(QUESTION)
    assert CrossOrigin(("*",)).answered(client)
    assert client.header(b"access-control-allow-origin") == b"*"


def test_another_origin_is_not_answered_and_its_reply_not_readable() -> None:
    origins = CrossOrigin(("https://app.example",))
    for origin in (b"https://app.example.evil", b"http://app.example", b"null", b"https://APP.example"):
        client = asking(((b"Origin", origin), *QUESTION[1:]))
        assert not origins.answered(client)
        assert origins.admitted(client) is client


def test_what_is_no_question_of_a_browser_passes() -> None:
    origins = CrossOrigin(("*",))
    assert not origins.answered(asking(QUESTION, b"POST"))
    assert not origins.answered(asking(QUESTION[:1]))
    assert not origins.answered(asking(QUESTION[1:]))


def test_header_names_that_are_none_are_not_repeated() -> None:
    client = asking((*QUESTION[:2], (b"Access-Control-Request-Headers", b'a"<script>')))
    assert CrossOrigin(("*",)).answered(client)
    assert client.header(b"access-control-allow-headers") is None


def test_the_gateway_says_who_may_read_and_not_the_upstream() -> None:
    client = asking(QUESTION[:1], b"POST")
    replied(
        CrossOrigin(("https://app.example",)).admitted(client),
        (b"Access-Control-Allow-Origin", b"https://other.example"),
        (b"x-request-id", b"req_1"),
    )
    assert [value for name, value in client.headers if name.lower() == b"access-control-allow-origin"] == [APP]
    assert client.header(b"access-control-expose-headers") == b"*"
    assert client.header(b"x-request-id") == b"req_1"
    assert (client.sent, client.ending) == (b"data", "finished")


def test_an_answer_in_one_piece_is_readable_too() -> None:
    client = asking(QUESTION[:1], b"POST")
    CrossOrigin(("*",)).admitted(client).respond(401, (), b"who are you?")
    assert (client.status, client.header(b"access-control-allow-origin")) == (401, b"*")
