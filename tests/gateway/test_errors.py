"""The gateway's own errors have the shape of the OpenAI API, whatever stands in them."""

import json

import pytest

from gateway import Refusal
from gateway.errors import error_body, refusal_body, refusal_headers


def test_an_error_has_the_four_members_of_the_api() -> None:
    assert json.loads(error_body("No.", 404, "not_found")) == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": "not_found"}
    }


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (409, "invalid_request_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
    ],
)
def test_the_type_goes_with_the_status(status: int, type_: str) -> None:
    assert json.loads(refusal_body(Refusal("No.", status=status)))["error"]["type"] == type_


def test_a_refusal_may_name_its_type_and_the_parameter() -> None:
    refusal = Refusal("No.", code="c", status=400, type="mine", param="model")
    assert json.loads(refusal_body(refusal)) == {
        "error": {"message": "No.", "type": "mine", "param": "model", "code": "c"}
    }


@pytest.mark.parametrize("message", ["\ud800", 'quotes " and \n breaks', "Grüße \N{SNOWMAN}", "\x00"])
def test_any_message_makes_json(message: str) -> None:
    said = json.loads(refusal_body(Refusal(message)))["error"]["message"]
    assert said == message.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(("seconds", "value"), [(0.2, b"1"), (1.4, b"1"), (30, b"30"), (0, b"1")])
def test_a_wait_is_told_in_whole_seconds_and_never_none(seconds: float, value: bytes) -> None:
    assert (b"retry-after", value) in refusal_headers(Refusal("Later.", status=429, retry_after=seconds))


def test_a_refusal_brings_its_headers() -> None:
    headers = refusal_headers(Refusal("No.", status=401, headers=(("x-reason", "grün"),)))
    assert headers == (
        (b"content-type", b"application/json"),
        (b"x-reason", b"gr\xfcn"),
        (b"www-authenticate", b"Bearer"),
    )


@pytest.mark.parametrize(
    "header",
    [
        ("x-a", "1\r\nx-b: 2"),
        ("x-a", "1\nx-b: 2"),
        ("x\r\nb", "1"),
        ("x a", "1"),
        ("", "1"),
        ("x:", "1"),
        ("Content-Length", "5"),
        ("x-a", "\u2603"),
    ],
)
def test_a_header_that_is_none_is_left_out(header: tuple[str, str]) -> None:
    assert refusal_headers(Refusal("No.", headers=(header,))) == ((b"content-type", b"application/json"),)
