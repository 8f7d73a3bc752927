"""The zygote: a process of one thread that has imported what runs need, and forks kernels when its owner asks.

    python -m nbpart.run.kernels.zygote CONTROL OWNER

CONTROL is a socket that it inherits, OWNER the process id of its owner. What is started so is the guardian, which forks
the zygote; see nbpart.run.kernels.guardian. The zygote ends when owner or guardian is gone, and ends the kernels and
all that they started before. On the control socket the owner sends `{"preload": [names], "optional": [names]}` once and
gets `{"failed": {name: reason}, "reads"}` (see EnvironmentReads), then sends any of these, with the socket of a kernel
as the first descriptor and with what the kernel takes on (see Inheritance) as `inherited`:

- `{"op": "start", "argv", "env", "cwd"}` and three descriptors for the standard streams: a kernel as `argv` says;
- `{"op": "run", "env", "cwd", "startup", "task", "descriptors"}` and more descriptors, in the order of these names: the
  kernel that waits ready executes a run in its own process, by what `task["entry"]` names, and opens no socket unless
  it is kept; of these descriptors `secrets` is the pipe that only it reads;
- `{"op": "retire"}`: end when the last kernel has ended; `{"op": "goodbye"}`: kernels that were detached may live on.

On its own socket a kernel says `{"ready": pid, ...}` with a descriptor of itself (or `{"error": reason}`), and when it
has ended, with all that it started, the zygote says `{"code", "cpu_s", "peak_rss_bytes"}`. The owner may send
`{"detach": true}` there; without it the kernel is killed when the owner closes the socket.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbpart.run.kernels import folders, processes, wire
from nbpart.run.kernels.environment_reads import EnvironmentReads
from nbpart.run.kernels.guardian import Guardian, fork_guarded
from nbpart.run.kernels.preloading import make_ready, preload_all
from nbpart.run.modules import MARK_VARIABLE

#: What a kernel started and left has so long to end by itself once it was asked to, and so long once it was killed.
_TERM_LIMIT_S, _KILL_LIMIT_S = 0.4, 1.0
_PAUSE_S = 0.01
#: After so many forks it pays to make the rest of them cheaper: that takes as long as they save in twice as many.
_MANY_FORKS = 32


@dataclass(eq=False)
class Kernel:
    """A kernel that was forked; `folder` is where it would have its sockets.

    is_over: it ended, and is reaped when nothing is left of what it started; `terminated` are the processes
    that got a SIGTERM, those that are left at `kill_at` are killed.
    """

    pid: int
    pidfd: int
    private: socket.socket
    conn: socket.socket | None = None
    folder: str | None = None
    is_detached: bool = False
    is_over: bool = False
    terminated: set[int] = field(default_factory=set)
    kill_at: float = 0.0

    def kill(self) -> None:
        processes.send_group(signal.SIGKILL, self.pid)

    def close(self) -> None:
        self.private.close()
        if self.conn is not None:
            self.conn.close()
        os.close(self.pidfd)


class ZygoteServer:
    """Serves the process that started it until that is gone; `serve` never returns, neither here nor in a child."""

    def __init__(self, control: socket.socket, owner: int, guardian: Guardian, app: Any = None) -> None:
        self._control, self._app = control, app
        self._selector = selectors.DefaultSelector()
        self._kernels: dict[int, Kernel] = {}
        self._spare: Kernel | None = None
        self._wants_spare = False
        self._is_dismissed = False
        self._is_ending = False
        self._count = 0
        self._ended: list[Kernel] = []
        self._suspects: dict[int, set[int]] = {}
        self._guardian, self._name = guardian.pidfd, guardian.name
        self._owner = os.pidfd_open(owner)
        self._bell: tuple[int, int] | None = None
        self._watch(control, self._serve_owner)
        self._watch(self._owner, self._end)
        self._watch(self._guardian, self._end)

    def serve(self) -> None:
        processes.become_subreaper()
        self._watch_children()
        while True:
            # a spare is made when nothing else is to do: first what somebody waits for
            limit_s = 0 if self._wants_spare else _PAUSE_S if self._ended else None
            events = self._selector.select(limit_s)
            for key, _ in events:
                key.data()
            for kernel in list(self._ended):
                self._end_started(kernel)
            if not events and self._wants_spare:
                self._wants_spare = False
                self._make_spare()

    def _watch_children(self) -> None:
        """Be woken when a child ends: also one that lost its own parent and came here."""
        self._bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._bell[1], warn_on_full_buffer=False)
        self._watch(self._bell[0], self._reap_orphans)

    def _watch(self, what: Any, react: Callable[[], None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, react)

    def _unwatch(self, what: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(what)

    def _serve_owner(self) -> None:
        message, descriptors = wire.receive(self._control, wire.MOST_DESCRIPTORS)
        if message is None:
            self._end()
            return
        if message["op"] == "goodbye":
            self._is_dismissed = True
            return
        if message["op"] == "retire":
            self._retire()
            return
        conn = socket.socket(fileno=descriptors[0])
        try:
            if message["op"] == "start":
                self._start(conn, message, descriptors[1:])
            else:
                self._adopt(conn, message, descriptors[1:])
        except OSError as error:
            with contextlib.suppress(OSError):
                wire.send(conn, {"error": f"no kernel could be forked: {error}"})
            conn.close()
        finally:
            for descriptor in descriptors[1:]:
                os.close(descriptor)

    def _start(self, conn: socket.socket, message: dict[str, Any], streams: list[int]) -> None:
        from nbpart.run.kernels.child import run_started

        self._connect(self._fork(lambda private: run_started(self._app, conn, message, streams)), conn)

    def _adopt(self, conn: socket.socket, message: dict[str, Any], given: list[int]) -> None:
        kernel = self._spare or self._fork_spare(conn, given)
        self._spare = None
        self._connect(kernel, conn)
        with contextlib.suppress(OSError):  # it is dead; the reason comes by its end
            wire.send(kernel.private, message, [conn.fileno(), *given])
        self._wants_spare = bool(message.get("spare", True))

    def _connect(self, kernel: Kernel, conn: socket.socket) -> None:
        kernel.conn = conn
        self._watch(conn, lambda: self._receive_from_owner(kernel))

    def _make_spare(self) -> None:
        if self._spare is None:
            with contextlib.suppress(OSError):  # the next who asks hears of it
                self._spare = self._fork_spare()

    def _fork_spare(self, conn: socket.socket | None = None, given: Sequence[int] = ()) -> Kernel:
        """Fork a spare kernel. It closes ``conn`` and what is ``given``: it gets copies when it is adopted."""
        from nbpart.run.kernels.child import run_adopted

        folder = folders.name_folder(self._name)

        def run(private: socket.socket) -> None:
            if conn is not None:
                conn.close()
            for descriptor in given:
                os.close(descriptor)
            run_adopted(self._app, private, folder)

        kernel = self._fork(run)
        kernel.folder = folder
        return kernel

    def _fork(self, run: Callable[[socket.socket], None]) -> Kernel:
        """Fork a kernel from this, the main thread: its death signal fires when the thread that forked it ends."""
        self._count += 1
        if self._count == _MANY_FORKS:
            processes.use_large_pages()
        ours, private = socket.socketpair()
        zygote = os.getpid()
        try:
            # what a library has to say of forks is not this one's
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pid = os.fork()
        except OSError:
            ours.close()
            private.close()
            raise
        if pid == 0:
            try:
                ours.close()
                self._close_all()
                from nbpart.run.kernels.child import set_up_process

                set_up_process(zygote, self._name)
                run(private)
            finally:
                os._exit(1)
        private.close()
        kernel = Kernel(pid, os.pidfd_open(pid), ours)
        self._kernels[pid] = kernel
        self._watch(kernel.pidfd, lambda: self._reap(kernel))
        return kernel

    def _close_all(self) -> None:
        """In a child: close descriptors of the zygote and of other kernels."""
        self._selector.close()
        self._control.close()
        signal.set_wakeup_fd(-1)
        for descriptor in (self._owner, self._guardian, *(self._bell or ())):
            os.close(descriptor)
        for kernel in self._kernels.values():
            kernel.close()

    def _receive_from_owner(self, kernel: Kernel) -> None:
        assert kernel.conn is not None
        message, _ = wire.receive(kernel.conn)
        if message is not None and message.get("detach"):
            kernel.is_detached = True
            with contextlib.suppress(OSError):
                wire.send(kernel.conn, {"detached": True})
            return
        self._unwatch(kernel.conn)
        if not kernel.is_detached and not kernel.is_over:
            kernel.kill()

    def _reap(self, kernel: Kernel) -> None:
        """A kernel ended: what it started is asked to end too, and has a moment for it."""
        self._unwatch(kernel.pidfd)
        is_hurried = self._is_ending or kernel is self._spare
        # it is reaped last: while it is a zombie, nobody else can have its number
        processes.send_group(signal.SIGKILL if is_hurried else signal.SIGTERM, kernel.pid)
        if kernel is self._spare:
            self._spare = None
        kernel.is_over = True
        kernel.kill_at = time.monotonic() + (0 if is_hurried else _TERM_LIMIT_S)
        self._ended.append(kernel)
        self._end_started(kernel)

    def _end_started(self, kernel: Kernel) -> None:
        """Continue to end what an ended kernel had started; when nothing is left, report that to its owner."""
        now = time.monotonic()
        left = [pid for pid in self._orphans() if self._was_started_by(pid, kernel) and not processes.reap(pid)]
        below = [pid for orphan in left for pid in processes.descendants_of(orphan)]
        left += [pid for pid in below if not processes.is_meant_to_stay(pid)]
        if left and now < kernel.kill_at + _KILL_LIMIT_S:
            if now < kernel.kill_at:
                processes.send(signal.SIGTERM, {*left} - kernel.terminated)
            else:
                processes.send(signal.SIGKILL, left)
            kernel.terminated.update(left)
            return
        _, status, usage = os.wait4(kernel.pid, 0)
        self._ended.remove(kernel)
        del self._kernels[kernel.pid]
        if kernel.folder is not None:
            shutil.rmtree(kernel.folder, ignore_errors=True)
        if kernel.conn is not None:
            self._unwatch(kernel.conn)
            end = {
                "code": os.waitstatus_to_exitcode(status),
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_rss_bytes": usage.ru_maxrss * 1024,
            }
            with contextlib.suppress(OSError):
                wire.send(kernel.conn, end)
        kernel.close()
        self._leave_if_done()

    def _orphans(self) -> list[int]:
        """Children that are no kernels: what kernels started, and lost its own parent."""
        return [pid for pid in processes.children_of(os.getpid()) if pid not in self._kernels]

    def _reap_orphans(self) -> None:
        assert self._bell is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell[0], 4096)
        for pid in self._orphans():
            if processes.reap(pid):
                self._suspects.pop(pid, None)

    def _was_started_by(self, pid: int, kernel: Kernel) -> bool:
        """Whether an orphan is what a kernel, that ended, had started.

        One that hides it (another session, another environment) is of the last to end of those that ran with it.
        """
        if pid in kernel.terminated:
            return True
        try:
            session = os.getsid(pid)
        except OSError:
            return False
        mark = (processes.read_environment(pid) or {}).get(processes.GUARDIAN_VARIABLE)
        if mark == "":
            return False
        for known in self._kernels.values():
            if known.pid == session or mark == f"{self._name}/{known.pid}":
                return known is kernel
        running = {known.pid for known in self._kernels.values() if known.conn is not None and not known.is_over}
        suspects = self._suspects.setdefault(pid, running)
        suspects &= running
        return not suspects

    def _retire(self) -> None:
        self._is_ending, self._wants_spare = True, False
        if self._spare is not None:
            self._spare.kill()
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._is_ending and not self._kernels:
            processes.end_descendants(_KILL_LIMIT_S)
            os._exit(0)

    def _end(self) -> None:
        """End after the owner: its kernels are killed, except detached ones where it said goodbye."""
        for kernel in list(self._kernels.values()):
            kernel.kill_at = min(kernel.kill_at, time.monotonic())
            if not kernel.is_over and not (kernel.is_detached and self._is_dismissed):
                kernel.kill()
        for watched in (self._control, self._owner, self._guardian):
            self._unwatch(watched)
        self._retire()


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guardian = fork_guarded(control)
    # what was reserved is known from the block that the system keeps; to Python it is no variable
    for name in (MARK_VARIABLE, processes.GUARDIAN_VARIABLE):
        os.environ.pop(name, None)
    # the folder that this was started in is nobody's: each kernel has its own
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
    gc.disable()
    message, _ = wire.receive(control)
    if message is None:
        return
    reads = EnvironmentReads()
    failed = preload_all(message["optional"], message["preload"], reads)
    app = None if failed else make_ready()
    gc.collect()
    gc.freeze()
    own = os.pidfd_open(os.getpid())
    wire.send(control, {"failed": failed, "reads": reads.to_json(), "pid": os.getpid()}, [own])
    os.close(own)
    ZygoteServer(control, int(sys.argv[2]), guardian, app).serve()


if __name__ == "__main__":
    # by its name, so that kernels find in their modules what they forked with
    from nbpart.run.kernels import zygote

    zygote.main()
