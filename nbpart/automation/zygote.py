"""The zygote of sensors: a process of one thread that has imported little, and forks a child for every look.

It is started with a socket that it inherits. Its owner sends `{}` there with two descriptors: the socket of a child, on
which that says its number first, and the file of what it prints. The zygote ends when its owner is gone, and its
children with it. Linux only: elsewhere a child is started anew for every look.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nbpart.run.kernels import processes, wire

#: Of all processes these are the first to be killed where memory ends.
_KILLED_FIRST = "1000"


def can_fork() -> bool:
    """Whether sensors can be forked here."""
    return hasattr(os, "pidfd_open") and os.path.isdir("/proc/self")


def serve(control: socket.socket, run: Callable[[socket.socket], None]) -> None:
    """Fork a child for each request, in which ``run`` is called with its socket; returns when the owner is gone."""
    bell, ringer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # its owner says when
    gc.collect()
    gc.freeze()
    own = os.getpid()
    while True:
        if bell in select.select([control.fileno(), bell], [], [])[0]:
            _reap(bell)
            continue
        message, descriptors = wire.receive(control, 2)
        if message is None:
            return
        channel = socket.socket(fileno=descriptors[0])
        try:
            pid = os.fork()
        except OSError as error:
            wire.send(channel, {"refused": f"no process could be started: {error}"})
        else:
            if pid == 0:
                control.close()
                signal.set_wakeup_fd(-1)
                _become_child(own, descriptors[1], partial(run, channel))
        channel.close()
        os.close(descriptors[1])


def _reap(bell: int) -> None:
    """Wait for the children that have ended."""
    os.read(bell, 4096)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become_apart(printed: int) -> None:
    """Set this process, which runs a sensor, apart: a session of its own, its output in a file, first to be killed
    where memory ends."""
    os.setsid()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    try:
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)
    except OSError:
        return


def _become_child(zygote: int, printed: int, run: Callable[[], None]) -> None:
    """Run in a child that was just forked; never returns."""
    code = 1
    try:
        processes.die_with_parent(zygote)
        become_apart(printed)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.unfreeze()
        if "numpy.random" in sys.modules:  # Python's own generator does so by itself
            sys.modules["numpy.random"].seed()
        run()
        code = 0
    finally:
        os._exit(code)
