"""Processes as the system lists them: which descend from which, which run they belong to, and how they are ended.

Linux only, and nothing but Python's own library: this is what a guardian holds in memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from nbpart.run.modules import MARK_VARIABLE

#: Who ends what a kernel started: its guardian as `identify` names it, a slash, and the kernel. Where the variable is
#: there and empty, a process was started to outlive its run, and is left alone.
GUARDIAN_VARIABLE = "NBPART_GUARDIAN"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PAUSE_S = 0.01
#: From the system's own <linux/mman.h>.
_MADV_COLLAPSE = 25
_LARGE_PAGE = 1 << 21
_MOST_PASSES = 20


@cache
def load_libc() -> ctypes.CDLL:
    """The C library of this process; loaded once, before it forks."""
    return ctypes.CDLL(None)


def become_subreaper() -> None:
    """Become the parent of all descendants whose own parent ends."""
    load_libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that forked this process ends; at once where that is gone already."""
    load_libc().prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def use_large_pages() -> None:
    """Have the memory of this process in large pages: then it takes less to fork it, and to end what was forked.

    Takes about 2 ms a megabyte. Does nothing where the system will not (Linux before 6.1).
    """
    madvise = load_libc().madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
        place, rights, _, _, file, *name = line.split()
        begin, end = (int(part, 16) for part in place.split("-"))
        if rights == "rw-p" and file == "0" and name in ([], ["[heap]"]) and end - begin >= _LARGE_PAGE:
            madvise(begin, end - begin, _MADV_COLLAPSE)


def read_stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the name, the state first; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None


def started_at(pid: int) -> str | None:
    """A text in which a process differs from a later one of the same number; None where that is not known."""
    fields = read_stat(pid)
    return fields[19] if fields else None


def identify(pid: int) -> str:
    """A process for as long as the machine runs: its number and its start."""
    return f"{pid}.{started_at(pid) or 0}"


def is_gone(identity: str) -> bool:
    """Whether the process that `identify` named has ended."""
    pid, _, started = identity.partition(".")
    fields = read_stat(int(pid)) if pid.isdigit() else None
    return fields is None or fields[0] in "ZX" or fields[19] != started


def list_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children_of(pid: int) -> list[int]:
    """The children of a process, those included that wait to be reaped."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        found = [Path(f"/proc/{pid}/task/{thread}/children").read_text().split() for thread in threads]
    except OSError:
        if read_stat(pid) is None or os.path.exists("/proc/thread-self/children"):
            return []
        # a system that keeps no such list
        return [child for child in list_processes() if (fields := read_stat(child)) and int(fields[1]) == pid]
    return [int(child) for children in found for child in children]


def descendants_of(pid: int) -> list[int]:
    """Children, their children and so on, those nearer first."""
    found = children_of(pid)
    for child in found:
        found.extend(each for each in children_of(child) if each not in found)
    return found


def read_environment(pid: int) -> Mapping[str, str] | None:
    """The environment that a process was started with; None where it is not known: gone, a zombie, another user's."""
    try:
        block = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    fields = [entry.partition(b"=") for entry in block.split(b"\0") if entry]
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in fields} if fields else None


def write_environment_block(name: str, value: str) -> None:
    """Let the system show another value of a variable that this process was started with; one too long is cut."""
    block = Path("/proc/self/environ").read_bytes()
    begin = (b"\0" + block).find(f"\0{name}=".encode())
    fields = read_stat(os.getpid())
    if begin < 0 or fields is None:
        return
    begin += len(name) + 1
    room = block.index(b"\0", begin) - begin
    ctypes.memmove(int(fields[47]) + begin, os.fsencode(value)[:room].ljust(room, b"\0"), room)


def is_meant_to_stay(pid: int) -> bool:
    """Whether who started it took the guardian's mark away, so that it may outlive its run."""
    environment = read_environment(pid)
    return environment is not None and environment.get(GUARDIAN_VARIABLE) == ""


def send(number: int, pids: Iterable[int]) -> None:
    """Send a signal to processes; those that are gone, or another user's, are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def send_group(number: int, leader: int) -> None:
    """Send a signal to a process group, and to its leader where that does not lead it yet."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(leader, number)


def find_marked(is_meant: Callable[[Mapping[str, str]], bool]) -> list[int]:
    """Processes of this user, in this process namespace, whose environment is meant."""
    user, own, namespace = os.getuid(), os.getpid(), _namespace("self")
    found = []
    for pid in list_processes():
        try:
            is_candidate = pid != own and os.stat(f"/proc/{pid}").st_uid == user
        except OSError:
            continue
        environment = read_environment(pid) if is_candidate else None
        if environment is not None and is_meant(environment) and _namespace(pid) == namespace:
            found.append(pid)
    return found


def end_descendants(limit_s: float) -> None:
    """Kill all that descends from this process, but what is meant to stay, and reap it.

    This process has to be a subreaper, else what loses its parent gets away.
    """
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        left = []
        for child in children_of(os.getpid()):
            if reap(child) or is_meant_to_stay(child):
                continue
            left += [child, *descendants_of(child)]
        if not left:
            return
        send(signal.SIGKILL, left)
        time.sleep(_PAUSE_S)


def reap(child: int) -> bool:
    """Whether a child had ended; it is reaped."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def kill_run(mark: str) -> None:
    """Kill what bears this mark of a run that has nobody left to end it."""
    _kill_all(lambda e: e.get(MARK_VARIABLE) == mark and e.get(GUARDIAN_VARIABLE) != "")


def kill_abandoned() -> None:
    """Kill what runs of this user started whose guardian is gone: nobody else will."""
    _kill_all(lambda environment: _is_abandoned(environment.get(GUARDIAN_VARIABLE, "")))


def _is_abandoned(mark: str) -> bool:
    guardian, slash, _ = mark.partition("/")
    return slash == "/" and is_gone(guardian)


def _kill_all(is_meant: Callable[[Mapping[str, str]], bool]) -> None:
    # again while there are any: what forks goes on doing so between the look and the kill
    for _ in range(_MOST_PASSES):
        found = find_marked(is_meant)
        if not found:
            return
        send(signal.SIGKILL, found)
        time.sleep(_PAUSE_S)


def _namespace(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""
