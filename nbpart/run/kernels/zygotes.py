"""The zygotes of this process: processes that it starts to fork kernels, shared by its threads until it exits.

This is the side of the process that runs notebooks; `zygote.py` is the program of the zygote itself.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
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
from nbpart.run.kernels.forked_kernel import START_LIMIT_S, ForkedKernel, PrewarmError, ZygoteGoneError
from nbpart.run.kernels.inheritance import Inheritance, read_identity
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.run.modules import MARK_VARIABLE, RUN_VARIABLE, SPEC_VARIABLE

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
_RETRY_S = 60.0

# room for each mark of a run in what the system shows of a forked process's environment
_MARK_ROOM = 200
_TAIL = 2_000


def is_supported() -> bool:
    """Whether kernels can be forked on this platform."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(os, "memfd_create")


@dataclass
class Zygote:
    """A running zygote of this process; it ends when this process does, however that ends."""

    process: subprocess.Popen[bytes]  # its guardian
    control: socket.socket
    error_output: Any
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
        error_output = tempfile.TemporaryFile()  # noqa: SIM115 - read when it dies
        try:
            process = subprocess.Popen(
                [python, "-m", "nbpart.run.kernels.zygote", str(its.fileno()), str(os.getpid())],
                env=_zygote_environment(environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=error_output,
                stderr=error_output,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            error_output.close()
            raise PrewarmError(f"the process that forks kernels could not be started: {error}") from error
        finally:
            its.close()
        zygote = cls(process, ours, error_output, dict(environment))
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
        if not select.select([self.control], [], [], START_LIMIT_S)[0]:
            raise PrewarmError(
                f"importing {', '.join(preload or ()) or 'what runs need'} ahead took more than {START_LIMIT_S:g} s"
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
        self.error_output.seek(max(0, self.error_output.seek(0, os.SEEK_END) - _TAIL))
        lines = self.error_output.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.process.returncode}"

    def matches_environment(self, environment: Mapping[str, str]) -> bool:
        """Whether the modules that it has imported would have read the same from this environment."""
        return self.reads.are_equal_for(self.environment, environment)

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
            raise ZygoteGoneError("the process that forks kernels is gone") from error
        finally:
            its.close()

    def start_kernel(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str, streams: Sequence[int]
    ) -> ForkedKernel:
        """A kernel as its command line says, with these three standard streams."""
        message = {"op": "start", "argv": list(argv), **_inherited_settings(environment), "cwd": folder}
        return self.request(message, streams)

    def run_kernel(
        self,
        environment: Mapping[str, str],
        folder: str,
        startup: Sequence[str],
        task: Mapping[str, Any],
        descriptors: Mapping[str, int],
    ) -> ForkedKernel:
        """A kernel that does a task in its own process; it executes the lines of `startup` before.

        task: its `entry` names what does it, as ``module:name``. descriptors: what the kernel is given, by name;
        `secrets` is the pipe that it reads its secrets from, and nobody else does.
        """
        message = {"op": "run", **_inherited_settings(environment), "cwd": folder, "startup": list(startup)}
        message |= {"task": dict(task), "descriptors": list(descriptors)}
        return self.request(message, list(descriptors.values()))

    def retire(self) -> None:
        """Let it end when its last kernel has ended."""
        with self._lock, contextlib.suppress(OSError):
            wire.send(self.control, {"op": "retire"})

    def close(self) -> None:
        """End it and all its kernels, but those that were kept; does not wait until they are gone."""
        if self.owner != os.getpid():
            return
        with self._lock:
            with contextlib.suppress(OSError):
                wire.send(self.control, {"op": "goodbye"})
                # a process that was forked here may hold a copy: closing alone would wake nobody
                self.control.shutdown(socket.SHUT_RDWR)
            self.control.close()
            if self.pidfd >= 0:
                os.close(self.pidfd)
                self.pidfd = -1
        self.error_output.close()


@dataclass(frozen=True)
class _ZygoteKey:
    """The properties by which a zygote is found again, besides what it read from the environment."""

    python: str
    preload: tuple[str, ...] | None
    identity: tuple[str, ...]
    owner: int

    @classmethod
    def of(cls, python: str, preload: Sequence[str] | None) -> _ZygoteKey:
        names = None if preload is None else tuple(dict.fromkeys(preload))
        return cls(python, names, read_identity(), os.getpid())


class Zygotes:
    """The zygotes of this process, by key; the least recently used one ends where there would be too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starting: dict[_ZygoteKey, threading.Lock] = {}
        self._zygotes: list[tuple[_ZygoteKey, Zygote]] = []
        self._retired: list[Zygote] = []
        self._failures: dict[tuple[_ZygoteKey, frozenset[tuple[str, str]]], tuple[float, str]] = {}

    def renew_locks(self) -> None:
        """In a forked process: another thread, which is not there, may have held them."""
        self._lock, self._starting = threading.Lock(), {}

    def get(self, python: str, preload: Sequence[str] | None, environment: Mapping[str, str]) -> Zygote:
        """The zygote for this interpreter, these modules and this environment, started if it is not there.

        preload: None for one that has imported nothing but what kernels are made of. Blocks while it starts. Raises
        PrewarmError where it cannot start; for a minute it is not tried again.
        """
        kind = _ZygoteKey.of(python, preload)
        with self._lock:
            starting = self._starting.setdefault(kind, threading.Lock())
        with starting:
            return self._find(kind, environment) or self._start(kind, environment)

    def find(self, python: str, preload: Sequence[str] | None, environment: Mapping[str, str]) -> Zygote | None:
        """The zygote that `get` would return, if it runs already, else None; does not block."""
        return self._find(_ZygoteKey.of(python, preload), environment)

    def forget(self, zygote: Zygote) -> None:
        """Never return this one again: it is gone, or about to be."""
        with self._lock:
            self._zygotes = [entry for entry in self._zygotes if entry[1] is not zygote]
        zygote.close()

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

    def _find(self, kind: _ZygoteKey, environment: Mapping[str, str]) -> Zygote | None:
        with self._lock:
            dead = [entry for entry in self._zygotes if not entry[1].is_alive]
            self._zygotes = [entry for entry in self._zygotes if entry not in dead]
            found = [
                entry for entry in self._zygotes if entry[0] == kind and entry[1].matches_environment(environment)
            ][:1]
            for entry in found:  # now the most recently used
                self._zygotes.remove(entry)
                self._zygotes.append(entry)
        for _, zygote in dead:
            zygote.close()
        return found[0][1] if found else None

    def _start(self, kind: _ZygoteKey, environment: Mapping[str, str]) -> Zygote:
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


def _inherited_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """What a kernel inherits from this process, as the zygote needs it; its environment names this process."""
    inherited = Inheritance.of_this_thread()
    if inherited.blocked:
        raise PrewarmError("signals are blocked in the thread that starts it, which a fork would not take on")
    return {"env": {**environment, "JPY_PARENT_PID": str(os.getpid())}, "inherited": inherited.to_json()}


def _zygote_environment(environment: Mapping[str, str]) -> dict[str, str]:
    # under pytest ipykernel leaves the output of subprocesses alone, and a spare is no test's
    dropped = (MARK_VARIABLE, RUN_VARIABLE, SPEC_VARIABLE, GUARDIAN_VARIABLE, "PYTEST_CURRENT_TEST")
    kept = {name: value for name, value in environment.items() if name not in dropped}
    # kernels are debugged, if at all, without the frozen modules' sources
    room = "-" * _MARK_ROOM
    return {MARK_VARIABLE: room, GUARDIAN_VARIABLE: room, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **kept}


shared = Zygotes()
atexit.register(shared.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.renew_locks)
