"""Carries a page out: its blocks in their order, in a folder of the page's own, as a reader would."""

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import ROOT, Block
from tests.docs.output import fits

SECONDS = 60.0
START_SECONDS = 30.0
STOP_SECONDS = 20.0
GATEWAY = "http://127.0.0.1:8000"
SIMULATOR = "http://127.0.0.1:9000"

_SERVER = re.compile(r"(make run|lukhas serve|lukhas simulate)\b")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True, slots=True)
class Command:
    """One line behind a `$` and what the page says that it writes."""

    line: str
    output: str


def commands(text: str) -> list[Command]:
    """Takes a console block apart; a backslash at the end of a line continues it."""
    found: list[Command] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines).strip()
            found.append(Command(command, ""))
        else:
            last = found.pop()
            found.append(Command(last.line, f"{last.output}{line}\n"))
    return found


class Story:
    """A page that is being read; `addresses` says what really stands at the addresses that pages name."""

    def __init__(self, folder: Path, addresses: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._addresses = dict(addresses)
        self._servers: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._output: str | None = None

    def read(self, block: Block) -> None:
        """Carries out one block. AssertionError where it fails, or does not write what the page says."""
        before, self._output = self._output, None
        text = self._real(block.text)
        if block.file is not None:
            path = self._folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif block.language == "python":
            self._output = self._run([sys.executable, "-c", text], block.place)
        elif block.language == "javascript":
            self._output = self._javascript(text, block.place)
        elif block.language == "bash":
            self._output = self._shell(text, block.place)
        elif block.language == "console":
            for command in commands(block.text):
                self._console(command, block.place)
        elif block.language == "text" and before is not None:
            self._compare(block.text, before, block.place)

    def close(self) -> None:
        """Stops the servers that the page started; each must end well."""
        while self._servers:
            self._stop(*self._servers.pop())

    def abandon(self) -> None:
        """Ends the servers of a page that failed."""
        for _, process in self._servers:
            process.kill()
            process.wait()

    def _console(self, command: Command, place: str) -> None:
        if _SERVER.match(command.line):
            self._serve(command, place)
        elif command.output:
            self._compare(command.output, self._shell(self._real(command.line), place), place)
        else:
            self._shell(self._real(command.line), place)

    def _compare(self, expected: str, written: str, place: str) -> None:
        shown = self._documented(written)
        assert fits(expected, shown), f"{place} says:\n{expected}\nwritten was:\n{shown}"

    def _shell(self, line: str, place: str) -> str:
        return self._run(["bash", "-euo", "pipefail", "-c", line], place)

    def _javascript(self, text: str, place: str) -> str:
        modules = self._folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(ROOT / "tests/suites/node/node_modules")
        script = self._folder / "block.mjs"
        script.write_text(text, encoding="utf-8")
        return self._run(["node", str(script)], place)

    def _run(self, arguments: list[str], place: str) -> str:
        run = subprocess.run(
            arguments,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert run.returncode == 0, f"{place} ended with {run.returncode}:\n{run.stdout}"
        return run.stdout

    def _serve(self, command: Command, place: str) -> None:
        """Starts a server in the place of the one that ran in this terminal, and waits for what it says."""
        kind = command.line.split()[1]
        for name, process in [each for each in self._servers if each[0] == kind]:
            self._servers.remove((name, process))
            self._stop(name, process)
        log = self._folder / f"{kind}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                _on_a_free_port(command.line),
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._servers.append((kind, process))
        listens_at = _until(lambda: _ADDRESS.search(log.read_text()), process, log)
        documented = SIMULATOR if kind == "simulate" else GATEWAY
        self._addresses[documented] = listens_at
        _until(
            lambda: fits(command.output + "...", self._documented(log.read_text())) or None,
            process,
            log,
            f"{place} says:\n{command.output}",
        )

    def _stop(self, name: str, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server of `{name}` did not stop") from None
        assert code == 0, f"the server of `{name}` ended with {code}"

    def _real(self, text: str) -> str:
        for documented, real in self._addresses.items():
            text = text.replace(documented, real)
        return text

    def _documented(self, text: str) -> str:
        for documented, real in self._addresses.items():
            text = text.replace(real, documented)
        return text


@contextmanager
def told(folder: Path, addresses: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Story]:
    """A story whose servers are stopped at its end, also where it failed."""
    story = Story(folder, addresses, environment)
    try:
        yield story
    except BaseException:
        story.abandon()
        raise
    story.close()


def _on_a_free_port(line: str) -> list[str]:
    """Gives the command that a server's line stands for; `make run` stands for its recipe."""
    arguments = shlex.split(line)
    if arguments[:2] == ["make", "run"]:
        arguments = shlex.split(run_recipe().replace("$(PORT)", "0"))
    if "--port" in arguments:
        del arguments[arguments.index("--port") : arguments.index("--port") + 2]
    return [*arguments, "--port", "0"]


def run_recipe() -> str:
    """What `make run` runs, once the environment is there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^run: setup .*\n\t(.*)$", makefile, re.MULTILINE)
    return str(recipe).replace("$(BIN)/", "")


def _until(found: Callable[[], object], process: subprocess.Popen[bytes], log: Path, said: str = "") -> str:
    deadline = time.monotonic() + START_SECONDS
    while not (result := found()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{said}\nthe server wrote:\n{log.read_text()}")
        time.sleep(0.02)
    return result[0] if isinstance(result, re.Match) else ""
