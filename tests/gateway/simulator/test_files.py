"""Files, uploaded and downloaded by the official SDK."""

import os
import resource
from urllib.parse import unquote

import pytest
from openai import NotFoundError


def test_a_file_comes_back_as_it_was(client, http):
    content = os.urandom(300_000)
    uploaded = client.files.create(file=("Grüße 世界.bin", content, "application/x-thing"), purpose="user_data")
    assert (uploaded.bytes, uploaded.filename, uploaded.purpose) == (300_000, "Grüße 世界.bin", "user_data")
    assert client.files.retrieve(uploaded.id) == uploaded
    assert uploaded.id in [file.id for file in client.files.list(purpose="user_data")]
    assert client.files.content(uploaded.id).read() == content
    reply = http.get(f"/v1/files/{uploaded.id}/content")
    assert reply.headers["content-type"] == "application/x-thing"
    assert reply.headers["content-length"] == "300000"
    assert unquote(reply.headers["content-disposition"]) == "attachment; filename*=UTF-8''Grüße 世界.bin"


def test_a_deleted_file_is_gone(client):
    uploaded = client.files.create(file=b"x", purpose="batch")
    assert client.files.delete(uploaded.id).deleted
    with pytest.raises(NotFoundError):
        client.files.content(uploaded.id)


def test_an_empty_file_is_a_file(client):
    uploaded = client.files.create(file=("empty.txt", b""), purpose="user_data")
    assert client.files.content(uploaded.id).read() == b""


def test_an_upload_takes_little_memory(http):
    boundary = "b0undary"
    block = b"x" * 65536

    def body():
        yield f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'.encode()
        yield f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="big"\r\n\r\n'.encode()
        for _ in range(1024):
            yield block
        yield f"\r\n--{boundary}--\r\n".encode()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kind = f"multipart/form-data; boundary={boundary}"
    reply = http.post("/v1/files", content=body(), headers={"content-type": kind}, timeout=60)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert reply.json()["bytes"] == 64 * 1024 * 1024
    assert grown_kib < 20 * 1024
    http.delete(f"/v1/files/{reply.json()['id']}")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nno end"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nx\r\n--b--\r\n',
        ),
    ],
)
def test_a_body_without_a_file_is_400(http, kind, body):
    reply = http.post("/v1/files", content=body, headers={"content-type": kind})
    assert reply.status_code == 400
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
