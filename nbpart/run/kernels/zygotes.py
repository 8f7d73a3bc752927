"""The owner's side: zygotes of this process, started when first needed, shared by all its threads, gone at its exit."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbpart.run.kernels import wire
from nbpart.run.kernels.environment_reads import EnvironmentReads
from nbpart.run.kernels.inheritance import Inheritance, read_identity
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.run.modules import RUN_VARIABLE, SPEC_VARIABLE

#: What notebooks of nbpart import: the names of modules, imported and not touched.
PRELOAD = (
    "nbpart.workspace",
    "numpy",
    "pandas",
    "pandas.io.formats.html",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "duckdb",
)
_MOST_ZYGOTES = 4
_START_LIMIT_S = 60.0
_RETRY_S = 60.0
_END_LIMIT_S = 3.0
# room for each mark of a run in what the system shows of a forked process's environment
_MARK_ROOM = 200
_TAIL = 2_000


class PrewarmError(RuntimeError):
    """Why no kernel could be forked; the message is for the person whose run it was."""


def is_supported() -> bool:
    """Whether kernels can be forked on this platform."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(os, "memfd_create")


@dataclass
class Usage:
    """What a process and the children that it waited for took."""

    cpu_s: float | None = None
    peak_rss_bytes: int | None = None


class ForkedKernel:
    """A kernel that a zygote forked, as a Popen object looks: ours to signal and to wait for.

    conn: the kernel's own socket; zygote: a descriptor of the zygote, which is copied. A process that the kernel forked
    may hold the other end of the socket, so its end tells nothing: that of the kernel and of the zygote does.
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
        self.connection_file: str | None = None
        self.console: int | None = None
        self.returncode: int | None = None
        self.usage = Usage()
        self.is_abandoned = False
        self._died_at: float | None = None

    def fileno(self) -> int:
        """Readable once the kernel is ready, and again when it ended."""
        return self._events.fileno()

    def wait_until_ready(self, limit_s: float = _START_LIMIT_S) -> None:
        """Return when it is bound to its sockets; PrewarmError where it does not come to that."""
        if not self._events.poll(limit_s):
            self._release()
            raise PrewarmError(f"a forked kernel was not ready within {limit_s:g} s")
        self.take_ready()

    def take_ready(self) -> None:
        """Read what `fileno` announced first."""
        message, descriptors = self._receive(2)
        if message is not None and "ready" in message:
            self.pid = int(message["ready"])
            self.connection_file = message.get("connection_file")
            self._pidfd, *more = descriptors
            self.console = more[0] if more else None
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
                    # the zygote tells when nothing is left of what the kernel started, which takes a moment
                    self._died_at = time.monotonic()
                    self._events.unregister(self._pidfd)
                elif self._died_at is not None and time.monotonic() > self._died_at + _END_LIMIT_S:
                    self._take_end()
            return self.returncode

    def next_look_s(self, limit_s: float | None) -> float | None:
        """How long `fileno` may be waited for before `poll` is to be asked again, if `limit_s` is the most."""
        if self._died_at is None:
            return limit_s
        return _END_LIMIT_S if limit_s is None else min(limit_s, _END_LIMIT_S)

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
                select.select([self._pidfd], [], [], _END_LIMIT_S)
            self.returncode = -int(signal.SIGKILL)
        self._release()

    def _receive(self, most_descriptors: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
        """The message that is there; None where there is none."""
        if not select.select([self._conn], [], [], 0)[0]:
            return None, []
        return wire.receive(self._conn, most_descriptors)

    def _release(self) -> None:
        if self._events.closed:
            return
        self._events.close()
        if self._owner == os.getpid():
            # a process that was forked here may hold a copy: closing alone would tell nobody
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
                self._events.poll(self.next_look_s(left))
        assert self.returncode is not None
        return self.returncode

    def detach(self) -> None:
        """Let it live on when this object and its owner are gone; nothing is heard of it any more."""
        wire.send(self._conn, {"detach": True})
        select.select([self._conn.fileno(), self._zygote], [], [], _END_LIMIT_S)
        self._receive()

    def close(self) -> None:
        """Let go of it: what still runs is killed."""
        self._release()
        if self.console is not None:
            os.close(self.console)
            self.console = None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass
class Zygote:
    """A zygote that runs; it ends when this process does, however that ends."""

    process: subprocess.Popen[bytes]  # its guardian
    control: socket.socket
    said: Any
    environment: Mapping[str, str] = field(default_factory=dict)
    reads: EnvironmentReads = field(default_factory=EnvironmentReads)
    pid: int = -1
    pidfd: int = -1
    owner: int = field(default_factory=os.getpid)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def start(cls, python: str, preload: Sequence[str] | None, environment: Mapping[str, str]) -> Zygote:
        """Start one and wait until it is ready, about a second; PrewarmError says why it is not.

        preload: what it imports besides what notebooks of nbpart do; None for a bare one, which imports neither.
        """
        ours, its = socket.socketpair()
        said = tempfile.TemporaryFile()  # noqa: SIM115 - read when it dies
        try:
            process = subprocess.Popen(
                [python, "-m", "nbpart.run.kernels.zygote", str(its.fileno()), str(os.getpid())],
                env=_zygote_environment(environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            said.close()
            raise PrewarmError(f"the process that forks kernels could not be started: {error}") from error
        finally:
            its.close()
        zygote = cls(process, ours, said, dict(environment))
        try:
            zygote._prepare(preload)
        except PrewarmError:
            zygote.close()
            raise
        return zygote

    def _prepare(self, preload: Sequence[str] | None) -> None:
        with contextlib.suppress(OSError):  # where it is gone already, receive says so
            optional = () if preload is None else PRELOAD
            wire.send(self.control, {"preload": list(preload or ()), "optional": optional})
        if not select.select([self.control], [], [], _START_LIMIT_S)[0]:
            raise PrewarmError(
                f"importing {', '.join(preload or ()) or 'what runs need'} ahead took more than {_START_LIMIT_S:g} s"
            )
        answer, descriptors = wire.receive(self.control, 1)
        if answer is None:
            raise PrewarmError(f"the process that forks kernels died at its start: {self._read_error_output()}")
        self.pid, (self.pidfd,) = int(answer["pid"]), descriptors
        self.reads = EnvironmentReads.from_json(answer["reads"])
        if answer["failed"]:
            reasons = "; ".join(f"{name} ({reason})" for name, reason in answer["failed"].items())
            raise PrewarmError(f"could not be preloaded: {reasons}; take it out of preload, or install it")

    def _read_error_output(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.said.seek(max(0, self.said.seek(0, os.SEEK_END) - _TAIL))
        lines = self.said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.process.returncode}"

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether what it imported would have decided alike in this environment."""
        return self.reads.agree(self.environment, environment)

    @property
    def is_alive(self) -> bool:
        # its guardian has more to do when it ended, and lives a little longer
        is_own = self.owner == os.getpid() and self.process.poll() is None and self.pidfd >= 0
        return is_own and not select.select([self.pidfd], [], [], 0)[0]

    def request(self, message: dict[str, Any], streams: Sequence[int] = ()) -> ForkedKernel:
        """Ask for a kernel; it is not ready yet. Raises PrewarmError where the zygote is gone."""
        ours, its = socket.socketpair()
        try:
            with self._lock:
                wire.send(self.control, message, [its.fileno(), *streams])
                return ForkedKernel(ours, self.pidfd)
        except OSError as error:
            ours.close()
            raise PrewarmError("the process that forks kernels is gone") from error
        finally:
            its.close()

    def start_kernel(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str, streams: Sequence[int]
    ) -> ForkedKernel:
        """A kernel as its command line says, with these three standard streams."""
        message = {"op": "start", "argv": list(argv), **_handed_on(environment), "cwd": folder}
        return self.request(message, streams)

    def adopt_kernel(
        self, environment: Mapping[str, str], folder: str, startup: Sequence[str], secrets: Sequence[int] = ()
    ) -> ForkedKernel:
        """The kernel that waits ready, or a new one; it executes the lines of `startup` before it says so itself.

        secrets: the pipe that it reads its secrets from, if it has any; nobody else does.
        """
        message = {"op": "adopt", **_handed_on(environment), "cwd": folder, "startup": list(startup)}
        return self.request(message, secrets)

    def retire(self) -> None:
        """Let it end when its last kernel does."""
        with self._lock, contextlib.suppress(OSError):
            wire.send(self.control, {"op": "retire"})

    def close(self) -> None:
        """End it and all its kernels, but those that were kept; does not wait until they are gone."""
        if self.owner != os.getpid():
            return
        with self._lock:
            with contextlib.suppress(OSError):
                wire.send(self.control, {"op": "goodbye"})
                # a process that was forked here may hold a copy: closing alone would tell nobody
                self.control.shutdown(socket.SHUT_RDWR)
            self.control.close()
            if self.pidfd >= 0:
                os.close(self.pidfd)
                self.pidfd = -1
        self.said.close()


@dataclass(frozen=True)
class _Kind:
    """What zygotes are told apart by, besides what they read of the environment."""

    python: str
    preload: tuple[str, ...] | None
    identity: tuple[str, ...]
    owner: int

    @classmethod
    def of(cls, python: str, preload: Sequence[str] | None) -> _Kind:
        names = None if preload is None else tuple(dict.fromkeys(preload))
        return cls(python, names, read_identity(), os.getpid())


class Zygotes:
    """The zygotes of this process by what they were started for; the least recently used gives way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starting: dict[_Kind, threading.Lock] = {}
        self._zygotes: list[tuple[_Kind, Zygote]] = []
        self._retired: list[Zygote] = []
        self._failures: dict[tuple[_Kind, frozenset[tuple[str, str]]], tuple[float, str]] = {}

    def renew_locks(self) -> None:
        """In a forked process: another thread, which is not there, may have held them."""
        self._lock, self._starting = threading.Lock(), {}

    def get(self, python: str, preload: Sequence[str] | None, environment: Mapping[str, str]) -> Zygote:
        """The zygote for this interpreter, these modules and this environment, started if it is not there.

        preload: None for one that has imported nothing but what kernels are made of. Blocks while it starts. Raises
        PrewarmError where it cannot start; for a minute it is not tried again.
        """
        kind = _Kind.of(python, preload)
        with self._lock:
            starting = self._starting.setdefault(kind, threading.Lock())
        with starting:
            return self._find(kind, environment) or self._start(kind, environment)

    def find(self, python: str, preload: Sequence[str] | None, environment: Mapping[str, str]) -> Zygote | None:
        """The same if it runs already, else None; does not block."""
        return self._find(_Kind.of(python, preload), environment)

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            zygotes = [*(zygote for _, zygote in self._zygotes), *self._retired]
            self._zygotes, self._retired = [], []
            self._failures.clear()
        for zygote in zygotes:
            zygote.close()
        for zygote in zygotes:
            with contextlib.suppress(subprocess.TimeoutExpired, ChildProcessError):
                # it stays behind only for kernels that were kept
                zygote.process.wait(1)

    def _find(self, kind: _Kind, environment: Mapping[str, str]) -> Zygote | None:
        with self._lock:
            dead = [entry for entry in self._zygotes if not entry[1].is_alive]
            self._zygotes = [entry for entry in self._zygotes if entry not in dead]
            found = [entry for entry in self._zygotes if entry[0] == kind and entry[1].suits(environment)][:1]
            for entry in found:  # now the most recently used
                self._zygotes.remove(entry)
                self._zygotes.append(entry)
        for _, zygote in dead:
            zygote.close()
        return found[0][1] if found else None

    def _start(self, kind: _Kind, environment: Mapping[str, str]) -> Zygote:
        tried = kind, frozenset((n, v) for n, v in environment.items() if not n.startswith("NBPART_"))
        at, reason = self._failures.get(tried, (0.0, ""))
        if reason and time.monotonic() - at < _RETRY_S:
            raise PrewarmError(reason)
        try:
            zygote = Zygote.start(kind.python, kind.preload, environment)
        except PrewarmError as error:
            self._failures[tried] = (time.monotonic(), str(error))
            raise
        with self._lock:
            self._zygotes.append((kind, zygote))
            self._retired = [old for old in self._retired if old.is_alive]
            for entry in self._zygotes[:-_MOST_ZYGOTES]:
                self._zygotes.remove(entry)
                self._retired.append(entry[1])
                entry[1].retire()
        return zygote


def _handed_on(environment: Mapping[str, str]) -> dict[str, Any]:
    """What a kernel has of the process that starts it; its environment names that process as Jupyter does."""
    inherited = Inheritance.of_this_thread()
    if inherited.blocked:
        raise PrewarmError("signals are blocked in the thread that starts it, which a fork would not take on")
    return {"env": {**environment, "JPY_PARENT_PID": str(os.getpid())}, "inherited": inherited.to_json()}


def _zygote_environment(environment: Mapping[str, str]) -> dict[str, str]:
    # under pytest ipykernel leaves the output of subprocesses alone, and a spare is no test's
    dropped = (RUN_VARIABLE, SPEC_VARIABLE, GUARDIAN_VARIABLE, "PYTEST_CURRENT_TEST")
    kept = {name: value for name, value in environment.items() if name not in dropped}
    # kernels are debugged, if at all, without the frozen modules' sources
    room = "-" * _MARK_ROOM
    return {RUN_VARIABLE: room, GUARDIAN_VARIABLE: room, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **kept}


shared = Zygotes()
atexit.register(shared.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.renew_locks)
