"""The last requests, as `/_last` shows them."""

import hashlib


def test_a_request_is_shown_as_it_was_received(http):
    body = '{"model": "m",\n "messages": [], "Grüße": 1e-7}'.encode()
    http.post(
        "/v1/chat/completions?a=%2F&include[]=x&a=b",
        content=body,
        headers=[("X-Two", "1"), ("x-two", "2"), ("OpenAI-Beta", "v")],
    )
    last = http.get("/_last").json()
    assert (last["method"], last["path"]) == ("POST", "/v1/chat/completions?a=%2F&include[]=x&a=b")
    assert last["body"].encode() == body
    assert last["headers"]["x-two"] == "1, 2"
    assert last["headers"]["openai-beta"] == "v"
    assert (last["body_length"], last["body_sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_the_path_is_not_decoded(http):
    http.get("/v1/models/a%2Fb:c")
    assert http.get("/v1/_last").json()["path"] == "/v1/models/a%2Fb:c"


def test_a_body_that_is_not_text_is_shown_in_base64(http):
    http.post("/v1/responses", content=b"\xff\x00")
    last = http.get("/_last").json()
    assert last["body_base64"] == "/wA="
    assert "body" not in last


def test_of_a_large_body_the_first_mebibyte_and_the_hash_of_all_are_kept(http):
    # The border stands in the middle of a character.
    body = b"x" + "é".encode() * 1_000_000
    http.post("/v1/moderations", content=body)
    last = http.get("/_last").json()
    assert last["body"] == "x" + "é" * ((1024 * 1024 - 1) // 2)
    assert (last["body_length"], last["body_sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_refused_request_is_recorded_too(http):
    http.post("/v1/unheard/of", content=b"anything", headers={"authorization": ""})
    last = http.get("/_last").json()
    assert (last["path"], last["body"]) == ("/v1/unheard/of", "anything")


def test_the_last_few_requests_are_listed_oldest_first(http):
    for name in "abc":
        http.get(f"/v1/models/{name}")
    assert [request["path"] for request in http.get("/_last?n=2").json()] == ["/v1/models/b", "/v1/models/c"]
