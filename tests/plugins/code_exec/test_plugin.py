"""What models may run and what they may not: programs as they are meant, and a corpus of attempts to get out."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest

from gateway.answers import ToolResult
from gateway.testing import a_call, an_exchange, plugin_kit
from plugins.code_exec.plugin import MOST_CHARACTERS, NAME, CodeExec

SETTINGS = CodeExec.Settings(seconds=8.0)


@pytest.fixture(scope="module")
def tool() -> Iterator[CodeExec]:
    """The tool, with a cell that waits from the second call on."""
    made = CodeExec(SETTINGS)
    yield made
    made.shutdown()


async def ran(tool: CodeExec, language: str, source: str) -> tuple[dict[str, Any], bool]:
    arguments = msgspec.json.encode({"language": language, "source": source}).decode()
    result = await tool.run_tool(an_exchange(), a_call(NAME, arguments))
    assert result is not None
    outcome: dict[str, Any] = msgspec.json.decode(result.output)
    return outcome, result.failed


@pytest.mark.parametrize(
    ("language", "source", "output"),
    [
        ("python", "print('hello')", "hello\n"),
        ("python", "2 ** 64", "18446744073709551616\n"),
        ("python", "import math, json, re\nprint(json.dumps([math.floor(2.5), re.sub('a', 'b', 'ac')]))", '[2,"bc"]\n'),
        ("python", "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\nprint([f(n) for n in range(9)])", None),
        ("python", "x = 1", ""),
        ("javascript", "console.log('hello', {a: [1]}, 2n, null)", 'hello {"a":[1]} 2 null\n'),
        ("javascript", "[3, 1, 2].sort().map(x => x * 2)", "[2,4,6]\n"),
        ("javascript", "(async () => { await null; return 'late' })()", "late\n"),
        ("javascript", "let x = 1;", ""),
        ("javascript", "print('ä € 𝄞')", "ä € 𝄞\n"),
    ],
)
async def test_a_program_gives_what_it_prints_and_its_last_value(
    tool: CodeExec, language: str, source: str, output: str | None
) -> None:
    outcome, failed = await ran(tool, language, source)
    assert not failed, outcome
    if output is not None:
        assert outcome["output"].replace(", ", ",") == output.replace(", ", ",")


@pytest.mark.parametrize(
    ("language", "source", "says"),
    [
        ("python", "print('first')\nraise ValueError('bad')", "ValueError: bad"),
        ("python", "print(", "SyntaxError"),
        ("javascript", "print('first'); throw new Error('bad')", "Error: bad"),
        ("javascript", "Promise.reject(new Error('late'))", "Error: late"),
        ("javascript", "function (", "SyntaxError"),
    ],
)
async def test_an_error_of_the_program_is_told_to_the_model(
    tool: CodeExec, language: str, source: str, says: str
) -> None:
    outcome, failed = await ran(tool, language, source)
    assert failed
    assert says in outcome["error"]
    if "first" in source:
        assert outcome["output"] == "first\n"


async def test_nothing_of_one_program_meets_another(tool: CodeExec) -> None:
    await ran(tool, "javascript", "globalThis.secret = 7; Object.prototype.secret = 7; Array.prototype.map = null")
    outcome, _ = await ran(tool, "javascript", "print(typeof secret, [1].map(x => x + 1))")
    assert outcome["output"] == "undefined [2]\n"


class Listener:
    """A server on loopback that counts who comes."""

    def __init__(self) -> None:
        listener = self
        self.came = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.came += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that this user could read, and that is JavaScript as well."""
    path = tmp_path_factory.mktemp("files") / "secret.js"
    path.write_text("export const kept = 'HUNTER2';\n")
    return path


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


ESCAPES = {
    "python reads a file": ("python", "print(open('{secret}').read())"),
    "python reads a file by path": ("python", "import pathlib\nprint(pathlib.Path('{secret}').read_text())"),
    "python writes a file": ("python", "open('{secret}.new', 'w').write('x')"),
    "python lists a folder": ("python", "import os\nprint(os.listdir('/'))"),
    "python runs a command": ("python", "import os\nprint(os.system('cat {secret}'))"),
    "python starts a process": ("python", "import subprocess\nprint(subprocess.run(['cat', '{secret}']))"),
    "python forks": ("python", "import os\nwhile True: os.fork()"),
    "python opens a socket": ("python", "import socket\nsocket.create_connection(('127.0.0.1', {port}))"),
    "python asks a url": ("python", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}/')"),
    "python loads a library": ("python", "import ctypes\nctypes.CDLL(None).system(b'cat {secret}')"),
    "python climbs by classes": ("python", "print([c for c in ().__class__.__bases__[0].__subclasses__()])"),
    "python climbs by frames": ("python", "import sys\nprint(sys._getframe().f_back.f_globals)"),
    "python evals": ("python", "print(eval(\"__import__('os').popen('cat {secret}').read()\"))"),
    "python unpickles": ("python", "import pickle\npickle.loads(b\"cos\\nsystem\\n(S'cat {secret}'\\ntR.\")"),
    "python reads its own process": ("python", "print(open('/proc/self/environ').read())"),
    "javascript imports a file": ("javascript", "import('{secret}').then(m => print(m.kept))"),
    "javascript imports std": ("javascript", "import('std').then(m => print(m.loadFile('{secret}')))"),
    "javascript imports os": ("javascript", "import('os').then(m => print(m.exec(['cat', '{secret}'])))"),
    "javascript requires": ("javascript", "require('fs').readFileSync('{secret}')"),
    "javascript asks a process": ("javascript", "process.mainModule.require('child_process')"),
    "javascript fetches": ("javascript", "fetch('http://127.0.0.1:{port}/')"),
    "javascript opens a request": ("javascript", "new XMLHttpRequest().open('GET', 'http://127.0.0.1:{port}/')"),
    "javascript opens a websocket": ("javascript", "new WebSocket('ws://127.0.0.1:{port}/')"),
    "javascript loads a script": ("javascript", "load('{secret}'); print(kept)"),
    "javascript imports a socket": ("javascript", "import('http://127.0.0.1:{port}/').then(print)"),
    "javascript climbs by constructors": ("javascript", "print.constructor('return process')().exit()"),
    "javascript starts a worker": ("javascript", "new Worker('{secret}')"),
    "javascript names the way out": ("javascript", "write('x'); fail('x')"),
}


@pytest.mark.parametrize("name", ESCAPES)
async def test_no_program_gets_out(tool: CodeExec, secret: Path, listener: Listener, name: str) -> None:
    language, source = ESCAPES[name]
    source = source.replace("{secret}", str(secret)).replace("{port}", str(listener.port))
    outcome, failed = await ran(tool, language, source)
    assert failed, outcome
    assert "HUNTER2" not in str(outcome)
    assert listener.came == 0
    assert list(secret.parent.iterdir()) == [secret]


GREEDY = {
    "python takes memory": ("python", "x = 'a' * (1 << 32)"),
    "python takes memory slowly": ("python", "x = []\nwhile True: x.append('a' * 100000)"),
    "python counts": ("python", "print(10 ** 10 ** 10)"),
    "python recurses": ("python", "def f(): return f()\nf()"),
    "python nests": ("python", "x = []\nfor _ in range(200000): x = [x]\nprint(x == x)\nraise ValueError('done')"),
    "python prints": ("python", "while True: print('x' * 1000)"),
    "javascript takes memory": ("javascript", "'a'.repeat(1 << 29) + 'b'"),
    "javascript takes memory slowly": ("javascript", "const x = []; for (;;) x.push(new Array(10000).fill(1))"),
    "javascript recurses": ("javascript", "function f() { f() } f()"),
    "javascript prints": ("javascript", "for (;;) print('x'.repeat(1000))"),
    "javascript promises for ever": (
        "javascript",
        "const f = () => { print('x'.repeat(1000)); return null.then(f) }; f()",
    ),
}


@pytest.mark.parametrize("name", GREEDY)
async def test_no_program_takes_more_than_its_share(tool: CodeExec, name: str) -> None:
    outcome, failed = await ran(tool, *GREEDY[name])
    assert failed
    assert outcome["error"]
    assert len(outcome["output"]) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "while True: pass"),
        ("javascript", "while (true) {}"),
        ("javascript", "/(a+)+$/.test('a'.repeat(40) + 'b')"),
        ("javascript", "const f = () => { Promise.resolve().then(f) }; f()"),
    ],
    ids=["python loops", "javascript loops", "javascript matches", "javascript promises"],
)
async def test_a_program_without_an_end_is_ended(language: str, source: str) -> None:
    tool, began = CodeExec(CodeExec.Settings(seconds=1.0)), monotonic()
    try:
        outcome, failed = await ran(tool, language, source)
    finally:
        tool.shutdown()
    assert failed
    assert "stopped after 1 seconds" in outcome["error"] or "time limit" in outcome["error"]
    assert monotonic() - began < 8


async def test_the_loop_goes_on_while_code_runs(tool: CodeExec) -> None:
    running = asyncio.create_task(ran(tool, "python", "x = 0\nfor i in range(3000000): x += i\nprint(x)"))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 3
    await running


async def test_no_more_programs_run_beside_each_other_than_the_settings_say() -> None:
    tool, began = CodeExec(CodeExec.Settings(seconds=1.0, at_once=1)), monotonic()
    try:
        ended = await asyncio.gather(*(ran(tool, "javascript", "for (;;) {}") for _ in range(2)))
    finally:
        tool.shutdown()
    assert all(failed for _, failed in ended)
    assert monotonic() - began >= 2


@pytest.mark.parametrize(
    "arguments",
    [
        "not json",
        "{}",
        '{"language": "ruby", "source": ""}',
        '{"language": "python"}',
        '{"language": "python", "source": 1}',
    ],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model(tool: CodeExec, arguments: str) -> None:
    result = await tool.run_tool(an_exchange(), a_call(NAME, arguments))
    assert result is not None
    assert result.failed
    assert "arguments" in result.output


async def test_bash_is_refused_where_no_sandbox_is_set(tool: CodeExec) -> None:
    result = await tool.run_tool(an_exchange(), a_call(NAME, '{"language": "bash", "source": "echo hi"}'))
    assert result == ToolResult("bash is not available here; use python or javascript.", failed=True)


async def test_bash_goes_to_the_operators_sandbox() -> None:
    tool = CodeExec(CodeExec.Settings(bash=("/bin/sh", "-s")))
    assert await ran(tool, "bash", "echo hi; env") == ({"output": "hi\n" + await env_of(tool)}, False)
    outcome, failed = await ran(tool, "bash", "echo no >&2; exit 3")
    assert (outcome["error"], failed) == ("no", True)


async def env_of(tool: CodeExec) -> str:
    outcome, _ = await ran(tool, "bash", "env")
    assert "LUKHAS" not in outcome["output"]
    assert "OPENAI" not in outcome["output"]
    return str(outcome["output"])


def test_a_sandbox_is_named_by_its_whole_path() -> None:
    with pytest.raises(ValueError, match="bash: the command of the sandbox needs its whole path"):
        CodeExec.Settings(bash=("bwrap",))


async def test_calls_of_other_names_are_anothers(tool: CodeExec) -> None:
    assert await tool.run_tool(an_exchange(), a_call("lookup")) is None


def test_the_plugin_behaves_whatever_it_is_given(tool: CodeExec) -> None:
    plugin_kit(tool).check()
