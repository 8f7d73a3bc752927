"""The guardian: a small parent process of those that execute notebooks, which ends the processes that they leave."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import NoReturn

from nbpart.run.kernels import folders, processes

_LIMIT_S = 2.0


@dataclass(frozen=True)
class Guardian:
    """The guardian of a process: its name, unique for as long as the machine runs, and a descriptor of its process."""

    name: str
    pidfd: int


def fork_guarded(control: socket.socket) -> Guardian:
    """Return in a new process; this one stays behind as its guardian, until that ends, and ends what is left then.

    The guardian lets go of `control`. First it ends what earlier guardians of this user, that were killed, have left.
    """
    processes.become_subreaper()
    known = Guardian(processes.identify(os.getpid()), os.pidfd_open(os.getpid()))
    pid = os.fork()
    if pid != 0:
        control.close()
        folders.remove_abandoned()
        processes.kill_abandoned()
        guard(pid, known.name)
    return known


def guard(guarded: int, name: str) -> NoReturn:
    """Wait until a child of this process ends, and end what it left: processes, and folders that bear this name."""
    status = None
    while status is None:
        pid, ended = os.waitpid(-1, 0)
        if pid == guarded:
            status = os.waitstatus_to_exitcode(ended)
    processes.end_descendants(_LIMIT_S)
    folders.remove_folders(name)
    os._exit(status if status >= 0 else 128 - status)
