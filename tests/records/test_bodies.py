"""Bodies through a running gateway: kept where the settings say so, for their caller, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import httpx
from openai import OpenAI

from tests.builders.served import Served, eventually, lukhas, served
from tests.records.asking import SETTINGS, asked, rows, said_by_model

SECRET = "The seagulls know where the treasure lies"
KEEPING = SETTINGS + "audit: {bodies: all}\n"


def bodies(running: Served, audit_id: str, key: str = "lk-ada") -> httpx.Response:
    return asked(running, f"/audit/{audit_id}/bodies", key)


def said_in_a_stream(running: Served, text: str) -> str:
    with OpenAI(base_url=f"{running.url}/v1", api_key="lk-ada") as client:
        stream = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}], stream=True
        )
        assert list(stream.parse())
        return str(stream.headers["x-lukhas-audit-id"])


def texts(body: Any) -> tuple[str, str]:
    return (
        body["request"]["json"]["messages"][0]["content"],
        body["reply"]["json"]["choices"][0]["message"]["content"],
    )


def in_files(data: Path, text: str) -> list[str]:
    return [path.name for path in data.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_bodies_are_kept_for_their_caller_in_no_plain_byte_and_gone_with_the_caller(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", "--workers", "2", settings=KEEPING) as running:
        plain = said_by_model(running, text=f"!say {SECRET}")
        streamed = said_in_a_stream(running, f"!say {SECRET}")
        for audit_id in (plain, streamed):
            reply = bodies(running, audit_id)
            assert reply.status_code == 200, reply.text
            assert texts(reply.json()) == (f"!say {SECRET}", SECRET)
            assert bodies(running, audit_id, "lk-bob").status_code == 404
            assert bodies(running, audit_id, "lk-reader").status_code == 404
        long = "and a word more, " * 2000
        kept = bodies(running, said_by_model(running, text=long)).json()["request"]
        assert (kept["json"]["messages"][0]["content"], kept.get("cut")) == (long, None)
        eventually(lambda: rows(running, "SELECT count(*) FROM exchanges") == [[3]])
        assert in_files(running.data, "seagulls") == []
        erased = httpx.request("DELETE", f"{running.url}/me/data", headers={"x-api-key": "lk-ada"}, timeout=20)
        assert erased.status_code == 200
        assert bodies(running, plain).status_code == 404
    done = lukhas("audit", "verify", "--data", "data", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert (done.returncode, report["faults"]) == (0, []), done.stdout
    assert any(each["writer"].endswith("-bodies") and each["lines"] > 1 for each in report["writers"])


def test_where_the_settings_do_not_say_so_there_are_none(serving: Served) -> None:
    audit_id = said_by_model(serving, text=f"!say {SECRET}")
    reply = bodies(serving, audit_id)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "no_bodies")
    assert list(serving.data.glob("journal/*-bodies")) == []
    assert in_files(serving.data, "seagulls") == []
