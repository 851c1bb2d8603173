"""What the README says of the journal is true of every file of the data folder."""

import httpx
import pytest

from gateway.simulator import create_app
from tests.builders.gateway import running_gateway
from tests.builders.servers import run_server

OPERATORS_KEY = "sk-planted-of-the-operator"
KEYS = ("sk-planted-of-a-caller", "lk-planted-of-the-settings", "lk-planted-and-unknown")
PROMPTS = ("planted", "!say planted", "planted\n!error 400", '!tool look_up {"a": "planted"}', "planted\n!cut 1")


@pytest.mark.parametrize("stream", [False, True])
def test_no_text_and_no_key_stands_in_the_data_folder(stream: bool) -> None:
    auth = {"passthrough": True, "keys": [{"key": KEYS[1]}]}
    upstream = {"api_key": OPERATORS_KEY}
    with run_server(create_app()) as simulator, running_gateway(simulator, auth=auth, upstream=upstream) as running:
        answers = [ask(running.base_url, key, prompt, stream=stream) for key in KEYS for prompt in PROMPTS]
        running.records(len(answers))
        kept = {path: path.read_bytes() for path in running.gateway.data.rglob("*") if path.is_file()}

    assert sum(b"planted" in answer for answer in answers) >= 4
    assert kept[running.journal].count(b'"event":"ended"') == len(answers)
    assert [path.name for path, text in kept.items() if b"planted" in text or b"simulated answer" in text] == []


def ask(base_url: str, key: str, prompt: str, *, stream: bool) -> bytes:
    """Gives what came of a question, as far as it came."""
    came = b""
    body = {"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    headers = {"authorization": f"Bearer {key}"}
    try:
        with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers) as reply:
            for piece in reply.iter_bytes():
                came += piece
    except httpx.TransportError:
        pass
    return came
