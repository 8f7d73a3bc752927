"""A kernel that a zygote forked, as the process that asked for it sees it: its start, its end, and its usage."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any

from nbpart.run.kernels import wire

START_LIMIT_S = 60.0
END_LIMIT_S = 3.0
_READ_SIZE, _MOST_READ = 1 << 16, 1 << 22


class PrewarmError(RuntimeError):
    """No kernel could be forked; the message says why."""


class ZygoteGoneError(PrewarmError):
    """The process that forks kernels is gone; another one can be started."""


@dataclass
class Usage:
    """CPU time in seconds and peak memory in bytes of a process, with the children that it waited for."""

    cpu_s: float | None = None
    peak_rss_bytes: int | None = None


class ForkedKernel:
    """A kernel that a zygote forked, with the methods of a Popen object.

    conn: the kernel's socket; zygote: a descriptor of the zygote's process, which is copied. That the socket is closed
    is no sign of the kernel's end: a process that the kernel forked may hold its other end. `console` is the file that
    it wrote to past its streams, `pipes` are those that its processes write to: standard output and error.
    """

    stdin = stdout = stderr = None

    def __init__(self, conn: socket.socket, zygote: int) -> None:
        self._conn = conn
        self._zygote = os.dup(zygote)
        self._pidfd: int | None = None
        self._events = select.epoll()
        for descriptor in (conn.fileno(), self._zygote):
            self._events.register(descriptor, select.EPOLLIN)
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self.pid = -1
        self.console: int | None = None
        self.pipes: list[int] = []
        self.returncode: int | None = None
        self.usage = Usage()
        self.is_abandoned = False
        self._died_at: float | None = None

    def fileno(self) -> int:
        """Readable once the kernel is ready, and again when it ended."""
        return self._events.fileno()

    def wait_until_ready(self, limit_s: float = START_LIMIT_S) -> None:
        """Wait until it is ready for its task. Raises PrewarmError where that fails or takes longer."""
        if not self._events.poll(limit_s):
            self._release()
            raise PrewarmError(f"a forked kernel was not ready within {limit_s:g} s")
        self.take_ready()

    def take_ready(self) -> None:
        """Read the message that it is ready, once `fileno` is readable. Raises PrewarmError where it failed."""
        message, descriptors = self._receive(4)
        if message is not None and "ready" in message:
            self.pid = int(message["ready"])
            self._pidfd, *more = descriptors
            if more:
                self.console, *self.pipes = more
            self._events.register(self._pidfd, select.EPOLLIN)
            return
        self._release()
        if message is None:
            raise PrewarmError("the process that forks kernels died while it started one")
        reason = message.get("error") or f"a forked kernel ended while it started, with exit code {message['code']}"
        raise PrewarmError(str(reason))

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None and not self._events.closed:
                ready = {descriptor for descriptor, _ in self._events.poll(0)}
                if ready & {self._conn.fileno(), self._zygote}:
                    self._take_end()
                elif ready and self._pidfd is not None:
                    # the zygote sends a message when nothing is left of what the kernel started, which takes a moment
                    self._died_at = time.monotonic()
                    self._events.unregister(self._pidfd)
                elif self._died_at is not None and time.monotonic() > self._died_at + END_LIMIT_S:
                    self._take_end()
            return self.returncode

    def poll_after_s(self, limit_s: float | None) -> float | None:
        """How many seconds to wait for `fileno`, at most `limit_s`, before `poll` has to be called again."""
        if self._died_at is None:
            return limit_s
        return END_LIMIT_S if limit_s is None else min(limit_s, END_LIMIT_S)

    def _take_end(self) -> None:
        message, _ = self._receive()
        if message is not None:
            self.returncode = int(message["code"])
            self.usage = Usage(message["cpu_s"], message["peak_rss_bytes"])
        else:
            # the zygote is gone, and with it all that it forked
            self.is_abandoned = True
            if self._pidfd is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                select.select([self._pidfd], [], [], END_LIMIT_S)
            self.returncode = -int(signal.SIGKILL)
        self._release()

    def _receive(self, most_descriptors: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
        """The message that is there, with its descriptors; None where there is none."""
        if not select.select([self._conn], [], [], 0)[0]:
            return None, []
        return wire.receive(self._conn, most_descriptors)

    def _release(self) -> None:
        if self._events.closed:
            return
        self._events.close()
        if self._owner == os.getpid():
            # a process that was forked here may hold a copy: closing alone would wake nobody
            with contextlib.suppress(OSError):
                self._conn.shutdown(socket.SHUT_RDWR)
        self._conn.close()
        for descriptor in (self._zygote, self._pidfd):
            if descriptor is not None:
                os.close(descriptor)
        self._pidfd = None

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired("a forked kernel", timeout or 0)
            with contextlib.suppress(ValueError):  # another thread saw its end first
                self._events.poll(self.poll_after_s(left))
        assert self.returncode is not None
        return self.returncode

    def detach(self) -> None:
        """Let it live on when this process ends; its end is not reported any more."""
        wire.send(self._conn, {"detach": True})
        select.select([self._conn.fileno(), self._zygote], [], [], END_LIMIT_S)
        self._receive()

    def close(self) -> None:
        """Close the connection; the kernel, if it still runs, is killed."""
        self._release()
        if self.console is not None:
            os.close(self.console)
            self.console = None
        while self.pipes:
            os.close(self.pipes.pop())

    def read_pipes(self) -> list[bytes]:
        """Of a kernel that ended: what processes wrote to each of its streams, and it did not take in any more."""
        found = []
        for pipe in self.pipes:
            parts: list[bytes] = []
            while select.select([pipe], [], [], 0)[0] and (part := os.read(pipe, _READ_SIZE)):
                parts.append(part)
                if len(parts) > _MOST_READ // _READ_SIZE:  # somebody who outlived it prints without end
                    break
            found.append(b"".join(parts))
        return found

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
