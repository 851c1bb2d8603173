"""The process in which code runs: it puts up its walls, runs one piece of code, and ends.

`python -I -m plugins.code_exec.cell` reads one JSON object from its input. What the code prints goes to its output,
what went wrong to its error output, with exit code 1; 2 says that it could not be run. Nothing of the gateway is in it.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import quickjs

from plugins.code_exec.walls import NoWalls, put_up

# Where the libraries of an interpreter are that is a program of its own.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_STACK_BYTES = 512 << 10
_FILES_OF_A_PROGRAM = 16
_STANDARD_FILES = 3
_HANDS = """(write, fail) => {
    const stringify = JSON.stringify;
    const shown = (value) => {
        if (typeof value === "string") return value;
        if (value instanceof Error) return String(value);
        if (typeof value === "object" && value !== null) {
            try { return stringify(value) ?? String(value); } catch (_) { return "[object]"; }
        }
        return typeof value === "symbol" ? value.toString() : String(value);
    };
    const say = (...values) => { write(values.map(shown).join(" ")); };
    globalThis.print = say;
    globalThis.console = { log: say, info: say, debug: say, warn: say, error: say };
    const run = globalThis.eval;
    return (source) => {
        const value = run(source);
        const tell = (kept) => { if (kept !== undefined) say(kept); };
        if (value instanceof Promise) value.then(tell, (error) => fail(shown(error)));
        else tell(value);
    };
}"""


class Failed(Exception):
    """The code ended with an error, which the message says."""


def in_memory(source: str) -> int:
    """Gives a file that is on no disk, for a program that wants to open one. It has to be made before the walls."""
    held = os.memfd_create("source", 0)
    os.write(held, source.encode())
    return held


def become_python(monty: str, held: int, seconds: float, memory_bytes: int) -> None:
    """Becomes the interpreter, which is a program of its own."""
    limits = ("--max-memory", str(memory_bytes), "--max-feed-duration", str(seconds), "--max-sleep", "1")
    os.execve(monty, (monty, *limits, f"/proc/self/fd/{held}"), {})  # noqa: S606 - no shell is wanted


def run_javascript(source: str, memory_bytes: int) -> None:
    """Runs a script, and what it left to be done. Errors: Failed."""
    context = quickjs.Context()
    context.set_memory_limit(memory_bytes)
    context.set_max_stack_size(_STACK_BYTES)
    failures: list[str] = []
    context.add_callable("write", _say)
    context.add_callable("fail", failures.append)
    make = context.eval(_HANDS)
    run = make(context.get("write"), context.get("fail"))
    context.eval("delete globalThis.write; delete globalThis.fail")
    try:
        run(source)
        while context.execute_pending_job():
            pass
    except quickjs.JSException as error:
        said = str(error).strip()
        # Without memory for an error there is none.
        raise Failed("null; it may have taken too much memory" if said == "null" else said) from None
    if failures:
        raise Failed(failures[0])


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode("utf-8", "replace"))


def main() -> int:
    """Runs what stands in the input; gives the exit code."""
    asked: Mapping[str, Any] = json.loads(sys.stdin.buffer.read() or b"null") or {}
    if not asked:
        return 0
    python, monty = asked["language"] == "python", str(asked["monty"])
    memory, seconds, source = int(asked["memory_bytes"]), float(asked["seconds"]), str(asked["source"])
    try:
        held = in_memory(source) if python else -1
        put_up(
            (monty, *_LIBRARIES) if python else (),
            seconds=int(seconds) + 2,
            memory_bytes=int(asked["address_bytes"]),
            files=_FILES_OF_A_PROGRAM if python else _STANDARD_FILES,
        )
        if python:
            become_python(monty, held, seconds, memory)
        run_javascript(source, memory)
    except (NoWalls, OSError, AttributeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    # Nothing of the interpreter has to be put away, and what a stranger left in it is not waited for.
    code = main()
    sys.stderr.flush()
    os._exit(code)
