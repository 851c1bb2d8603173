"""`lukhas serve` says how to use what it has started, and what it says works."""

import json
import shlex
from pathlib import Path

import httpx

from tests.builders.served import KEY, lukhas, served


def test_the_line_that_it_prints_can_be_pasted(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", "--one-process") as running:
        (line,) = [line.removeprefix("  Try it") for line in running.said.splitlines() if "curl -N" in line]
        words = shlex.split(line)
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
        reply = httpx.post(words[2], headers=headers, content=words[words.index("-d") + 1])
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.text.endswith("data: [DONE]\n\n")
        pages = next(line.split()[1] for line in running.said.splitlines() if line.startswith("  Pages"))
        assert httpx.get(pages).status_code == 200


def test_the_office_has_an_address_of_its_own_where_the_settings_say_so(tmp_path: Path, unused_port: int) -> None:
    settings = f"admin: {{listen: '127.0.0.1:{unused_port}'}}\nplugins: {{log: {{to: nowhere}}}}\n"
    with served(tmp_path, "--simulate", settings=settings) as running:
        admin = f"http://127.0.0.1:{unused_port}"
        assert f"{admin}/docs" in running.said
        here = {path: httpx.get(running.url + path, headers=KEY).status_code for path in ("/v1/models", "/readyz")}
        moved = {path: httpx.get(running.url + path).status_code for path in ("/docs", "/metrics", "/openapi.json")}
        there = {path: httpx.get(admin + path).status_code for path in moved}
        assert set(here.values()) == {200}
        assert set(moved.values()) == {404}
        assert set(there.values()) == {200}
        assert httpx.get(f"{admin}/v1/models", headers=KEY).status_code == 404


def test_a_gateway_key_works_with_the_simulator_at_once(tmp_path: Path) -> None:
    settings = "auth: {passthrough: false, keys: [{key: lk-mine}]}\nplugins: {log: {to: nowhere}}\n"
    with served(tmp_path, "--simulate", "--one-process", settings=settings) as running:
        mine = {"authorization": "Bearer lk-mine"}
        assert httpx.get(f"{running.url}/v1/models", headers=mine).status_code == 200
        assert httpx.get(f"{running.url}/v1/models", headers=KEY).status_code == 401
        tier = httpx.get(f"{running.url}/identity/tier-check", headers={"x-api-key": "lk-mine"}).json()
        assert (tier["current"], tier["kind"]) == ("T2", "gateway_key")


def test_a_flag_goes_over_the_environment_and_the_environment_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("upstream: {url: 'file'}\n")
    environ = {"LUKHAS_UPSTREAM": "environment"}
    assert "'file'" in lukhas("serve", cwd=tmp_path).stderr
    assert "'environment'" in lukhas("serve", cwd=tmp_path, environ=environ).stderr
    assert "'flag'" in lukhas("serve", "--upstream", "flag", cwd=tmp_path, environ=environ).stderr


def test_a_log_level_that_is_none_is_said(tmp_path: Path) -> None:
    done = lukhas("serve", cwd=tmp_path, environ={"LUKHAS_LOG_LEVEL": "loud"})
    assert (done.returncode, done.stderr) == (
        1,
        "LUKHAS_LOG_LEVEL: 'loud' is no level; there are debug, info, warning, error.\n",
    )


def test_what_the_log_plugin_writes_are_lines_of_json(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", "--one-process", settings="mode: shadow\n") as running:
        httpx.get(f"{running.url}/v1/models", headers=KEY)
        line = running.said.splitlines()[-1]
        assert json.loads(line)["endpoint"] == "models"
