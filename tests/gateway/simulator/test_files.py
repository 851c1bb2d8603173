"""Files, uploaded and downloaded by the official SDK."""

import os
from pathlib import Path
from urllib.parse import unquote

import httpx
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


def largest_mib(pid):
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_large_file_takes_little_memory_both_ways(process):
    server, url = process
    boundary, block = "b0undary", b"x" * 65536

    def body():
        yield f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'.encode()
        yield f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="big"\r\n\r\n'.encode()
        for _ in range(1600):
            yield block
        yield f"\r\n--{boundary}--\r\n".encode()

    with httpx.Client(base_url=url, headers={"authorization": "Bearer k"}, timeout=60) as http:
        http.post("/v1/files", files={"file": b"x"}, data={"purpose": "batch"})
        before = largest_mib(server.pid)
        kind = f"multipart/form-data; boundary={boundary}"
        uploaded = http.post("/v1/files", content=body(), headers={"content-type": kind}).json()
        with http.stream("GET", f"/v1/files/{uploaded['id']}/content") as reply:
            downloaded = sum(len(data) for data in reply.iter_bytes())
        assert uploaded["bytes"] == downloaded == 1600 * 65536
        assert largest_mib(server.pid) - before < 15
        assert http.get("/_last?n=2").json()[0]["body_length"] > 1600 * 65536


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
