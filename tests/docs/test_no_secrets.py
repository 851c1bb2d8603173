"""The example plugin is a package of its own: installed, tested, found by its entry point, asked by a gateway."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from tests.builders.scripted_upstream import Link, chunk, chunked_head
from tests.builders.stage import staged
from tests.builders.streams import chat_chunk, data_of
from tests.docs.surroundings import EXAMPLE, SECONDS

PIECES = ("It is s", "k-abcdefgh", "ijklmnopqrst", "uvwx", ", keep it.")


def test_its_own_tests_pass_with_the_installed_package(reader: dict[str, str]) -> None:
    told = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE / "tests", reader=reader)

    assert re.search(r"^[1-9]\d+ passed", told, re.MULTILINE), told


def test_the_chain_finds_it_by_its_entry_point(reader: dict[str, str], tmp_path: Path) -> None:
    settings = tmp_path / "lukhas.yaml"
    settings.write_text("chain: [default, no_secrets]\n")

    told = json.loads(run("lukhas", "plugins", "--config", settings, "--json", reader=reader))

    asked = [step for step in told["chain"] if step["plugin"] == "no_secrets"]
    assert [step["hook"] for step in asked] == ["judge", "shape", "allow_tool", "watch"]
    assert {step["origin"] for step in asked} == {"lukhas-no-secrets"}


async def test_a_key_that_comes_piece_by_piece_does_not_go_out(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))

    async def stream(link: Link) -> None:
        await link.request()
        await link.send(chunked_head(b"Content-Type: text/event-stream"))
        for data in [*data_of([chat_chunk({"content": piece}) for piece in PIECES]), b"[DONE]"]:
            await link.send(chunk(b"data: " + data + b"\n\n"))
            await asyncio.sleep(0.01)
        await link.send(chunk(b""))

    async with staged(stream, chain=["default", "no_secrets"]) as stage:
        client = AsyncOpenAI(base_url=f"{stage.url}/v1", api_key="sk-any", max_retries=0)
        chunks = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "What is the key?"}], stream=True
        )
        heard = [part.choices[0].delta.content or "" async for part in chunks]
        await client.close()

    assert "".join(heard) == "It is [key removed], keep it."


def run(*arguments: str | Path, reader: dict[str, str]) -> str:
    """Gives what a command writes; it must succeed."""
    done = subprocess.run(
        [str(each) for each in arguments],
        cwd=EXAMPLE,
        env=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
