"""What the kernel refuses, whatever an interpreter would let out: tried by Python itself behind the walls."""

import json
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.code_exec.walls import filter_program

ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ATTEMPTS = """
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, threading
from plugins.code_exec.walls import put_up

secret, parent = sys.argv[1], os.getppid()
before_files = put_up((), seconds=10, memory_bytes=1 << 30, files=8)
said = {"before_files": before_files}

def attempt(name, work):
    try:
        work()
        said[name] = "done"
    except BaseException as error:
        said[name] = type(error).__name__

attempt("read a file", lambda: os.open(secret, os.O_RDONLY))
attempt("write a file", lambda: os.open(secret + ".new", os.O_WRONLY | os.O_CREAT))
attempt("list a folder", lambda: os.listdir("/"))
attempt("open a socket", socket.socket)
attempt("open a pair of sockets", socket.socketpair)
attempt("fork", os.fork)
attempt("start a program", lambda: os.execv("/bin/sh", ["sh", "-c", "exit 0"]))
attempt("signal others", lambda: os.kill(parent, 0))
attempt("limit others", lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE))
attempt("raise its limits", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)))
attempt("take memory", lambda: bytearray(2 << 30))
attempt("make a thread", threading.Thread(target=lambda: None).start)
attempt("use memory", lambda: bytearray(1 << 20))
os.write(1, json.dumps(said).encode())
"""


@pytest.mark.skipif(platform.system() != "Linux", reason="the walls are Linux's")
def test_the_kernel_refuses_what_an_interpreter_might_let_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    command = [sys.executable, "-I", "-c", ATTEMPTS, str(secret)]
    ran = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    if said.pop("before_files"):
        assert said["read a file"] == said["write a file"] == said["list a folder"] == "PermissionError"
        assert said["start a program"] == "PermissionError"
    for name in ("read a file", "write a file", "list a folder", "start a program"):
        said.pop(name)
    assert said == {
        "open a socket": "PermissionError",
        "open a pair of sockets": "PermissionError",
        "fork": "PermissionError",
        "signal others": "PermissionError",
        "limit others": "PermissionError",
        "raise its limits": "ValueError",
        "take memory": "MemoryError",
        "make a thread": "done",
        "use memory": "done",
    }


def answered(program: bytes, machine: int, number: int, argument: int = 0) -> int:
    """Answers a call as the kernel would: a filter has loads, comparisons and returns."""
    data = struct.pack("=IIQ", number, machine, 0) + struct.pack("=Q", argument)
    at = loaded = 0
    while True:
        code, so, not_so, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        else:
            is_so = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            at += so if is_so else not_so


@pytest.mark.parametrize(
    ("machine", "number", "argument", "answer"),
    [
        ("x86_64", 0, 0, ALLOW),  # read
        ("x86_64", 9, 0, ALLOW),  # mmap
        ("x86_64", 59, 0, ALLOW),  # execve
        ("x86_64", 41, 0, REFUSE),  # socket
        ("x86_64", 57, 0, REFUSE),  # fork
        ("x86_64", 62, 0, REFUSE),  # kill
        ("x86_64", 425, 0, REFUSE),  # io_uring_setup
        ("x86_64", 56, 0x11, REFUSE),  # clone, of a process
        ("x86_64", 56, 0x3D0F00, ALLOW),  # clone, of a thread
        ("x86_64", 435, 0, UNKNOWN),  # clone3
        ("x86_64", 302, 0, ALLOW),  # prlimit64, its own
        ("x86_64", 302, 1, REFUSE),  # prlimit64, another's
        ("x86_64", 0x40000000 | 41, 0, KILL),  # socket, as x32 has it
        ("aarch64", 63, 0, ALLOW),  # read
        ("aarch64", 221, 0, ALLOW),  # execve
        ("aarch64", 198, 0, REFUSE),  # socket
        ("aarch64", 129, 0, REFUSE),  # kill
        ("aarch64", 220, 0x11, REFUSE),  # clone, of a process
        ("aarch64", 220, 0x3D0F00, ALLOW),  # clone, of a thread
        ("aarch64", 435, 0, UNKNOWN),  # clone3
        ("aarch64", 261, 7, REFUSE),  # prlimit64, another's
        ("aarch64", 261, 0, ALLOW),  # prlimit64, its own
    ],
)
def test_the_filter_answers_each_call_as_it_should(machine: str, number: int, argument: int, answer: int) -> None:
    assert answered(filter_program(machine), MACHINES[machine], number, argument) == answer


def test_a_call_in_the_numbers_of_another_machine_ends_the_process() -> None:
    assert answered(filter_program("x86_64"), 0x40000003, 1) == KILL
    assert answered(filter_program("aarch64"), MACHINES["x86_64"], 0) == KILL
