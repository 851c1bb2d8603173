"""The walls of a cell, which a process puts around itself before it looks at a stranger's code; there is no way back.

The interpreters inside know no files and no network. These walls are for the day on which one of them is broken out
of: the kernel refuses sockets, other processes, files beyond the interpreter's own libraries, and more than a little of
time and memory. Linux alone has them; elsewhere nothing is run.
"""

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522
_CAPSET: Mapping[str, int] = {"x86_64": 126, "aarch64": 91}

_ALLOW, _REFUSE, _UNKNOWN, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
"""What a filter answers: go on, EPERM, ENOSYS, the end of the process."""
_LOAD, _EQUAL, _AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_STEP_BYTES = 8
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_MACHINES: Mapping[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE: Mapping[str, int] = {"x86_64": 56, "aarch64": 220}
_PRLIMIT: Mapping[str, int] = {"x86_64": 302, "aarch64": 261}
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_X32 = 0x40000000
# By name: the number on x86-64, on aarch64 (None: it has no such call).
_REFUSED: Mapping[str, tuple[int, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "fork": (57, None),
    "vfork": (58, None),
    "kill": (62, 129),
    "ptrace": (101, 117),
    "rt_sigqueueinfo": (129, 138),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "init_module": (175, 105),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "accept4": (288, 242),
    "rt_tgsigqueueinfo": (297, 240),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "finit_module": (313, 273),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
}

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files that a version of Landlock knows."""
_EXECUTE, _READ_FILE, _READ_DIRECTORY = 1 << 0, 1 << 2, 1 << 3
_PATH_BENEATH = 1


class NoWalls(Exception):
    """The walls cannot be put up here; the message is a sentence."""


def put_up(readable: Sequence[str], *, seconds: int, memory_bytes: int, files: int) -> bool:
    """Puts all of them around this process; says whether the one before files (Landlock) is among them.

    What stands at or below `readable` may be read and run; `files` may be open at once. Errors: NoWalls.
    """
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _MACHINES:
        raise NoWalls("Code can be run on Linux on x86-64 or aarch64 alone.")
    kernel = _Kernel(ctypes.CDLL(None, use_errno=True))
    kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    before_files = _landlock(kernel, readable)
    _limit(seconds, memory_bytes, files)
    kernel.syscall(_CAPSET[machine], struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24))
    _filter(kernel, machine)
    return before_files


class _Kernel:
    """Calls that Python has no names for."""

    def __init__(self, libc: ctypes.CDLL) -> None:
        self._libc = libc

    def prctl(self, what: int, *arguments: int | bytes) -> None:
        """Changes something of this process. Errors: NoWalls."""
        given = (*arguments, 0, 0, 0, 0)[:4]
        if self._libc.prctl(what, *map(_word, given)) < 0:
            raise _failed(f"prctl {what}")

    def syscall(self, number: int, *arguments: int | bytes | None) -> int:
        """Calls the kernel by number. Errors: NoWalls."""
        answer = int(self._libc.syscall(_word(number), *map(_word, arguments)))
        if answer < 0:
            raise _failed(f"the call {number}")
        return answer


def _word(argument: int | bytes | None) -> Any:
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _failed(what: str) -> NoWalls:
    return NoWalls(f"Code cannot be run here: {what} failed ({os.strerror(ctypes.get_errno())}).")


def filter_program(machine: str) -> bytes:
    """Gives the program by which the kernel answers each call of the process."""
    steps = list(_steps(machine))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _steps(machine: str) -> Iterator[tuple[int, int, int, int]]:
    """Gives code, jump where it is so, jump where it is not, and value of each step."""
    yield _LOAD, 0, 0, _MACHINE
    yield _EQUAL, 1, 0, _MACHINES[machine]
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _KILL
    for on_x86, on_arm in _REFUSED.values():
        number = on_x86 if machine == "x86_64" else on_arm
        if number is not None:
            yield _EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _REFUSE
    # What hides its flags in memory is not there; threads are welcome, processes are not.
    yield _EQUAL, 0, 1, _CLONE3
    yield _RETURN, 0, 0, _UNKNOWN
    yield _EQUAL, 0, 4, _CLONE[machine]
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    yield _HAS_BIT, 0, 1, _CLONE_THREAD
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE
    # Limits of its own and nobody else's.
    yield _EQUAL, 0, 4, _PRLIMIT[machine]
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    yield _EQUAL, 0, 1, 0
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE
    yield _RETURN, 0, 0, _ALLOW


def _filter(kernel: _Kernel, machine: str) -> None:
    program = filter_program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    kernel.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, struct.pack("@HP", len(program) // _STEP_BYTES, ctypes.addressof(code))
    )


def _limit(seconds: int, memory_bytes: int, files: int) -> None:
    for what, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _landlock(kernel: _Kernel, readable: Sequence[str]) -> bool:
    """Closes all files but the readable ones; False where the kernel cannot."""
    try:
        version = kernel.syscall(_CREATE_RULESET, None, 0, 1)
    except NoWalls:
        return False
    rights = _RIGHTS[max(known for known in _RIGHTS if known <= version)]
    # Beside files: TCP (from version 4 on), signals to others and their abstract sockets (from version 6 on).
    handled = struct.pack("=QQQ", rights, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    ruleset = kernel.syscall(_CREATE_RULESET, handled, 8 if version < 4 else 16 if version < 6 else 24, 0)
    for path in readable:
        _open_up(kernel, ruleset, path)
    kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return True


def _open_up(kernel: _Kernel, ruleset: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    allowed = _EXECUTE | _READ_FILE | (_READ_DIRECTORY if Path(path).is_dir() else 0)
    kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", allowed, place), 0)
    os.close(place)
