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

_THREADS_LIMIT_S = 0.5


def guard_code(folder: str | None) -> str:
    """A line that lets an IPython kernel end with the process that started it, and end swiftly when it is asked to.

    What the kernel started ends too in the first case, and this folder is removed.
    """
    source = Path(__file__).read_text("utf-8")
    return f"(lambda ns: (exec({source!r}, ns), ns['guard'](get_ipython().kernel, {folder!r}))[1])({{}})"


def guard(kernel: Any, folder: str | None) -> None:
    # by itself it waits for its children up to 29 s, where the run ends them
    kernel._progressively_terminate_all_children = _do_nothing
    getattr(threading, "_register_atexit", lambda call: None)(_start_leaving)
    if os.getpgid(0) == os.getpid():
        parent = os.pidfd_open(os.getppid())
        watch = threading.Thread(target=_end_with_parent, args=(parent, folder), name="nbpart guard", daemon=True)
        watch.start()


async def _do_nothing() -> None:
    return


def _end_with_parent(parent: int, folder: str | None) -> None:
    select.select([parent], [], [])
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    mark = f"NBPART_RUN_ID={os.environ.get('NBPART_RUN_ID')}".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            if int(name) != os.getpid() and mark in environment and b"NBPART_GUARDIAN=" not in environment:
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue
    os.killpg(0, signal.SIGKILL)


def _start_leaving() -> None:
    threading.Thread(target=_leave_without_threads, daemon=True).start()


def _leave_without_threads() -> None:
    """End though there are threads that do not, once what is registered for the exit has had its turn."""
    time.sleep(_THREADS_LIMIT_S)
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        run_exit_functions: Any = atexit._run_exitfuncs
        run_exit_functions()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)
