"""The plugin: gives code of the model to a cell, and tells the model what came of it."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

import msgspec

from gateway import (
    Breaker,
    CircuitOpen,
    Exchange,
    Tool,
    ToolCall,
    ToolResult,
    arguments_of,
    attempted,
    hookimpl,
)
from plugins.code_exec.cells import Bounds, Cells, Ran

NAME = "exec_code"
LONGEST_SOURCE = 100_000
MOST_CHARACTERS = 16_000
MOST_SAID = 2_000
# What the interpreter for Python says before its last value or error.
_CLOCKED = re.compile(r"(?:^|\n)[0-9.]+(?:ns|µs|μs|ms|s) ❯ (?:error: )?")
TOOL = Tool(
    "code_exec",
    NAME,
    "Runs a short program and gives what it prints. It has no network, no files, and the language's core alone.",
    {
        "type": "object",
        "properties": {
            "language": {"type": "string", "enum": ["python", "javascript", "bash"]},
            "source": {"type": "string", "description": "The program; what is to be seen has to be printed."},
        },
        "required": ["language", "source"],
        "additionalProperties": False,
    },
    tier="T2",
    flag="CODE_EXEC_TOOL",
    seconds=30.0,
)
_NO_BASH = ToolResult("bash is not available here; use python or javascript.", failed=True)
_UNAVAILABLE = ToolResult("Code cannot be run at the moment.", failed=True)
_BUSY = ToolResult("Too much code runs at the moment; try again later.", failed=True)
SECONDS_TO_WAIT = 10.0


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a call."""

    language: Literal["python", "javascript", "bash"]
    source: Annotated[str, msgspec.Meta(max_length=LONGEST_SOURCE)]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model is given: what the program printed, and what went wrong."""

    output: str
    error: str = ""
    cut: bool = False


class CodeExec:
    """Answers calls of `exec_code`."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`seconds`, `memory_mib`: what one program may take; `at_once`: how many run in one worker.

        `bash` is the command of a sandbox of yours that reads a script from its input; without it bash is refused.
        """

        seconds: Annotated[float, msgspec.Meta(gt=0, le=20)] = 5.0
        memory_mib: Annotated[int, msgspec.Meta(ge=8, le=512)] = 64
        at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
        bash: tuple[str, ...] = ()

        def __post_init__(self) -> None:
            """Makes sure that the sandbox is a command that no folder on the path can take the place of.

            Errors: ValueError.
            """
            if self.bash and not self.bash[0].startswith("/"):
                raise ValueError("bash: the command of the sandbox needs its whole path.")

    def __init__(self, settings: Settings) -> None:
        self._bash = settings.bash
        self._seconds = settings.seconds
        self._cells = Cells(Bounds(seconds=settings.seconds, memory_bytes=settings.memory_mib << 20))
        # Threads of its own: those of the loop are for everybody.
        self._threads = ThreadPoolExecutor(settings.at_once, "code_exec")
        self._turns = asyncio.Semaphore(settings.at_once)
        self._breaker = Breaker()

    @hookimpl
    def shutdown(self) -> None:
        """Ends the cell that waits; those that run end in their time."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._cells.close()

    @hookimpl
    def register_tools(self) -> list[Tool]:
        """Offers the tool."""
        return [TOOL]

    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        """Runs the code, and waits for it in a thread."""
        if call.name != NAME:
            return None
        arguments = arguments_of(call, Arguments)
        if isinstance(arguments, ToolResult):
            return arguments
        if arguments.language == "bash" and not self._bash:
            return _NO_BASH
        try:
            async with asyncio.timeout(SECONDS_TO_WAIT):
                await self._turns.acquire()
        except TimeoutError:
            return _BUSY
        try:
            ran = await attempted(
                lambda: self._in_thread(arguments.language, arguments.source),
                lambda error: isinstance(error, OSError),
                self._breaker,
                arguments.language,
            )
        except (CircuitOpen, OSError):
            return _UNAVAILABLE
        finally:
            self._turns.release()
        return self._told(ran)

    async def _in_thread(self, language: str, source: str) -> Ran:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, language, source)

    def _run(self, language: str, source: str) -> Ran:
        """Runs it. Errors: OSError, also where the cell could not put up its walls."""
        ran = self._cells.run_outside(self._bash, source) if language == "bash" else self._cells.run(language, source)
        if ran.end == "broken" and language != "bash":
            raise OSError(ran.said)
        return ran

    def _told(self, ran: Ran) -> ToolResult:
        error = {
            "timeout": f"It was stopped after {self._seconds:g} seconds.",
            "too_much": "It was stopped because it printed too much.",
        }.get(ran.end, "")
        value, said = _apart(ran.said)
        if not error and ran.end != "ok":
            error = said or value or "It ended without a word; it may have taken too much memory."
        output = ran.output + (f"{value}\n" if ran.end == "ok" and value not in ("", "None") else "")
        cut = len(output) > MOST_CHARACTERS
        outcome = Outcome(output[:MOST_CHARACTERS], error[:MOST_SAID], cut)
        return ToolResult(msgspec.json.encode(outcome).decode(), failed=ran.end != "ok")


def _apart(said: str) -> tuple[str, str]:
    """Gives the last value of a Python program, and what else the interpreter said."""
    clock = _CLOCKED.search(said)
    if clock is None:
        return "", said.strip()
    return said[clock.end() :].strip(), said[: clock.start()].strip()
