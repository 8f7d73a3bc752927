"""What a stock IPython kernel of a run executes first. This file's text is sent there: it needs nothing but Python."""

from __future__ import annotations

import atexit
import os
import select
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

_THREADS_LIMIT_S, _CHILDREN_LIMIT_S = 0.5, 0.5


def exit_guard_code(folder: str | None) -> str:
    """A line that lets an IPython kernel end with the process that started it, and end swiftly when it is asked to.

    What the kernel started ends too in the first case, and this folder is removed.
    """
    source = Path(__file__).read_text("utf-8")
    return f"(lambda ns: (exec({source!r}, ns), ns['guard'](get_ipython().kernel, {folder!r}))[1])({{}})"


def guard(kernel: Any, folder: str | None) -> None:
    # called when it is asked to end: by itself it waits for its children up to 29 s
    kernel._progressively_terminate_all_children = _start_leaving
    if os.getpgid(0) == os.getpid():
        parent = os.pidfd_open(os.getppid())
        watch = threading.Thread(target=_end_with_parent, args=(parent, folder), name="nbpart guard", daemon=True)
        watch.start()


def _end_with_parent(parent: int, folder: str | None) -> None:
    select.select([parent], [], [])
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    mark = f"NBPART_RUN_MARK={os.environ.get('NBPART_RUN_MARK')}".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            if int(name) != os.getpid() and mark in environment and b"NBPART_GUARDIAN=" not in environment:
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue
    os.killpg(0, signal.SIGKILL)


async def _start_leaving() -> None:
    threading.Thread(target=_leave, daemon=True).start()


def _leave() -> None:
    """See to it that neither threads nor children keep the kernel from what is registered for its exit."""
    time.sleep(_THREADS_LIMIT_S)
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        threading.Thread(target=_exit, daemon=True).start()
    time.sleep(_CHILDREN_LIMIT_S)
    for pid in _find_below(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def _exit() -> None:
    run_exit_functions: Any = atexit._run_exitfuncs
    run_exit_functions()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def _find_below(pid: int) -> list[int]:
    """Children, their children and so on."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in path.read_text().split()]
        except OSError:
            continue
        found += children + [each for child in children for each in _find_below(child)]
    return found
