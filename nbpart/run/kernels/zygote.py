"""The zygote: a process of one thread that has imported what runs need, and forks kernels when its owner asks.

    python -m nbpart.run.kernels.zygote CONTROL OWNER

CONTROL is a socket that it inherits, OWNER the process id of its owner; it ends when either is gone, and kills the
kernels and their process groups before. On the control socket the owner sends `{"preload": [names], "optional":
[names]}` once and gets `{"failed": {name: reason}}`, then sends any of these, a kernel's with the kernel's own socket
as its first descriptor:

- `{"op": "start", "argv", "env", "cwd"}` and three descriptors for the standard streams: a kernel as `argv` says;
- `{"op": "adopt", "env", "cwd", "startup"}`: the kernel that waits ready, with a connection file of its own making;
- `{"op": "retire"}`: end when the last kernel has ended; `{"op": "goodbye"}`: kernels that were detached may live on.

On its own socket a kernel says `{"ready": pid, ...}` (or `{"error": reason}`) and at its end the zygote says
`{"code", "cpu_s", "peak_rss_bytes"}`. The owner may send `{"detach": true}` there; without it the kernel is killed when
the owner closes the socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from nbpart.run.kernels import wire

#: Who preloads these pays once for what each kernel imports at its start or at its first cell.
_KERNEL_MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "ipykernel.subshell_manager",
    "IPython.core.completer",
    "IPython.core.history",
    "IPython.core.magics",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "faulthandler",
    "psutil",
    "resource",
    "sqlite3",
    "stringprep",
    "tornado.platform.asyncio",
)


@dataclass
class Kernel:
    """A kernel that was forked and not reaped yet; `folder` holds what a spare binds."""

    pid: int
    pidfd: int
    private: socket.socket
    conn: socket.socket | None = None
    folder: str | None = None
    is_detached: bool = False

    def kill(self) -> None:
        for kill in (os.killpg, os.kill):  # a kernel just forked may not lead its group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        self.private.close()
        if self.conn is not None:
            self.conn.close()
        os.close(self.pidfd)


class Zygote:
    """Serves its owner until that is gone; `serve` returns in the zygote never, and in no child either."""

    def __init__(self, control: socket.socket, owner: int) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._kernels: dict[int, Kernel] = {}
        self._spare: Kernel | None = None
        self._wants_spare = False
        self._is_told_goodbye = False
        self._is_ending = False
        self._owner = os.pidfd_open(owner)
        self._watch(control, self._serve_owner)
        self._watch(self._owner, self._end)

    def serve(self) -> None:
        while True:
            # a spare is made when nothing else is to do: first what somebody waits for
            events = self._selector.select(0 if self._wants_spare else None)
            for key, _ in events:
                key.data()
            if not events:
                self._wants_spare = False
                self._make_spare()

    def _watch(self, what: Any, react: Callable[[], None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, react)

    def _unwatch(self, what: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(what)

    def _serve_owner(self) -> None:
        message, descriptors = wire.receive(self._control, 4)
        if message is None:
            self._end()
            return
        if message["op"] == "goodbye":
            self._is_told_goodbye = True
            return
        if message["op"] == "retire":
            self._retire()
            return
        conn = socket.socket(fileno=descriptors[0])
        try:
            if message["op"] == "start":
                self._start(conn, message, descriptors[1:])
            else:
                self._adopt(conn, message)
        except OSError as error:
            with contextlib.suppress(OSError):
                wire.send(conn, {"error": f"no kernel could be forked: {error}"})
            conn.close()
        finally:
            for descriptor in descriptors[1:]:
                os.close(descriptor)

    def _start(self, conn: socket.socket, message: dict[str, Any], streams: list[int]) -> None:
        from nbpart.run.kernels.child import run_started

        self._connect(self._fork(lambda private: run_started(conn, message, streams)), conn)

    def _adopt(self, conn: socket.socket, message: dict[str, Any]) -> None:
        kernel = self._spare or self._fork_spare()
        self._spare = None
        self._connect(kernel, conn)
        with contextlib.suppress(OSError):  # it is dead; the reason comes by its end
            wire.send(kernel.private, message, [conn.fileno()])
        self._wants_spare = bool(message.get("spare", True))

    def _connect(self, kernel: Kernel, conn: socket.socket) -> None:
        kernel.conn = conn
        self._watch(conn, lambda: self._hear(kernel))

    def _make_spare(self) -> None:
        if self._spare is None:
            with contextlib.suppress(OSError):  # the next who asks hears of it
                self._spare = self._fork_spare()

    def _fork_spare(self) -> Kernel:
        from nbpart.run.kernels.child import run_adopted

        # named by who has to remove it: where this process is killed, its owner knows which to remove
        folder = tempfile.mkdtemp(prefix=f"nbpart-{os.getpid()}-")
        try:
            kernel = self._fork(lambda private: run_adopted(private, folder))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        kernel.folder = folder
        return kernel

    def _fork(self, run: Callable[[socket.socket], None]) -> Kernel:
        """Fork a kernel from this, the main thread: its death signal fires when the thread that forked it ends."""
        ours, private = socket.socketpair()
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            private.close()
            raise
        if pid == 0:
            try:
                ours.close()
                self._close_all()
                from nbpart.run.kernels.child import begin

                begin(zygote)
                run(private)
            finally:
                os._exit(1)
        private.close()
        kernel = Kernel(pid, os.pidfd_open(pid), ours)
        self._kernels[pid] = kernel
        self._watch(kernel.pidfd, lambda: self._reap(kernel))
        return kernel

    def _close_all(self) -> None:
        """In a child: let go of what belongs to the zygote and to other kernels."""
        self._selector.close()
        self._control.close()
        os.close(self._owner)
        for kernel in self._kernels.values():
            kernel.close()

    def _hear(self, kernel: Kernel) -> None:
        assert kernel.conn is not None
        message, _ = wire.receive(kernel.conn)
        if message is not None and message.get("detach"):
            kernel.is_detached = True
            with contextlib.suppress(OSError):
                wire.send(kernel.conn, {"detached": True})
            return
        self._unwatch(kernel.conn)
        if not kernel.is_detached:
            kernel.kill()

    def _reap(self, kernel: Kernel) -> None:
        # the group before the leader: while that is a zombie, nobody else can have its number
        kernel.kill()
        _, status, usage = os.wait4(kernel.pid, 0)
        del self._kernels[kernel.pid]
        self._unwatch(kernel.pidfd)
        if kernel is self._spare:
            self._spare = None
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
        if self._is_ending and not self._kernels:
            os._exit(0)

    def _retire(self) -> None:
        self._is_ending, self._wants_spare = True, False
        if self._spare is not None:
            self._spare.kill()
        if not self._kernels:
            os._exit(0)

    def _end(self) -> None:
        """The owner is gone: so shall be all that it had, but what it kept on purpose when it said goodbye."""
        for kernel in list(self._kernels.values()):
            if not (kernel.is_detached and self._is_told_goodbye):
                kernel.kill()
        self._unwatch(self._control)
        self._unwatch(self._owner)
        self._control.close()
        self._retire()


def preload(names: Iterable[str]) -> dict[str, str]:
    """Import modules by name; what failed, and why."""
    failed = {}
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a module does at its import
            failed[name] = f"{type(error).__name__}: {error}"
    return failed


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # what was reserved is known from the block that the system keeps; to Python it is no variable
    os.environ.pop("NBPART_RUN_ID", None)
    # the folder that this was started in is nobody's: each kernel has its own
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
    gc.disable()
    message, _ = wire.receive(control)
    if message is None:
        return
    for name in _KERNEL_MODULES:
        with contextlib.suppress(ImportError):  # not each version has each
            importlib.import_module(name)
    # what fails of these tells so in the notebook that imports it
    preload(message["optional"])
    failed = preload(["nbpart.run.kernels.child", *message["preload"]])
    gc.collect()
    gc.freeze()
    wire.send(control, {"failed": failed, "pid": os.getpid()})
    Zygote(control, int(sys.argv[2])).serve()


if __name__ == "__main__":
    # by its name, so that kernels find in their modules what they forked with
    from nbpart.run.kernels import zygote

    zygote.main()
