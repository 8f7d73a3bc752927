"""Asking sensors in children of their own: started or forked, timed, held to a size, and heard."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbpart.automation.sensor import SensorResult
from nbpart.automation.sensor_answer import decode_result
from nbpart.automation.sensor_call import SensorDefinition
from nbpart.automation.sensor_code import find_definition, load_definition
from nbpart.automation.zygote import can_fork
from nbpart.catalog import HookRecord, TriggerRecord
from nbpart.errors import TriggerFailedError, make_trigger_error
from nbpart.partitions import definition_to_json
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import load_sets
from nbpart.project.project import Project
from nbpart.run.kernels import wire
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE

_MODULE = "nbpart.automation.sensor_process"
#: How long a child may take before it takes its task, in seconds; then the time of its sensor begins.
_START_LIMIT_S = 60.0
#: How often the size of a child is looked at, in seconds.
_LOOK_S = 0.25
#: A child may grow to this share of the machine's memory, and at least to so many bytes.
_MEMORY_SHARE, _LEAST_MEMORY = 0.25, 2**30
#: So much of what a sensor printed is kept, in characters, its end.
MOST_PRINTED = 10_000


class LookEndedError(BaseException):
    """A look was ended because its process ends: it did not fail, and whoever looks next looks anew."""


class SensorChildren:
    """The children of this process in which sensors run.

    ``opener``, as ``module:function``, opens a workspace for reading by its folder and its catalog: a child calls it
    where a sensor does more with the workspace than to ask for the keys of its sets.

    With ``forks`` a zygote is started by the first look and lives until `close`; without, and where nothing can be
    forked, each look starts a process, which takes half a second. May be used by several threads.
    """

    def __init__(self, opener: str, *, forks: bool) -> None:
        self._opener, self._forks = opener, forks and can_fork()
        self._guard = threading.Lock()
        self._is_closed = False
        self._control: socket.socket | None = None
        self._zygote: subprocess.Popen[bytes] | None = None
        self._sets: dict[Path, tuple[int, Mapping[str, PartitionSet]]] = {}
        self._keys: dict[tuple[Path, str], tuple[int, list[str]]] = {}

    def ask(
        self, project: Project, record: TriggerRecord, sets: Mapping[str, PartitionSet]
    ) -> tuple[SensorResult, str]:
        """The answer of a sensor, and what it printed.

        Raises `TriggerFailedError` for what its function raised, where it took too long or grew too large, and where
        its process ended.
        """
        definition = load_definition(record, project.root)
        stored = {name: definition_to_json(one.definition) for name, one in sets.items()}
        task = self._make_task(project, record.name, definition) | {"cursor": record.cursor, "sets": stored}
        reply, printed = self._talk(task, definition.timeout_s, lambda name: self._load_keys(project, sets[name]))
        return decode_result(reply["result"]), printed

    def tell(self, project: Project, hook: HookRecord, event: Mapping[str, Any]) -> str:
        """Call a hook with an event; returns what it printed. Raises `TriggerFailedError` as `ask` does."""
        definition = find_definition(hook.definition, project.root)
        task = self._make_task(project, hook.name, definition) | {"event": dict(event), "sets": {}}
        return self._talk(task, definition.timeout_s, lambda name: [])[1]

    def _make_task(self, project: Project, name: str, definition: SensorDefinition) -> dict[str, Any]:
        places = {"root": str(project.root), "catalog": str(project.catalog.path), "opener": self._opener}
        return {"name": name, "definition": asdict(definition), **places}

    def _talk(
        self, task: Mapping[str, Any], timeout_s: float, load_keys: Callable[[str], list[str]]
    ) -> tuple[dict[str, Any], str]:
        """The answer of a child to its task, and what it printed."""
        what = "hook" if "event" in task else "sensor"
        with tempfile.TemporaryFile() as printed:
            channel, child = self._start(printed.fileno())
            with channel:
                talk = _Talk(f"{what} {task['name']!r}", timeout_s, channel, child)
                try:
                    talk.say(task)
                    reply = talk.listen(load_keys)
                finally:
                    child.end()
            text = _read_end(printed.fileno())
        if reply is None and self._is_closed:
            raise LookEndedError(task["name"])
        if reply is None:
            raise make_trigger_error(talk.explain_end(), trigger=task["name"], printed=text)
        if "error" in reply:
            raise _read_error(f"{what} {task['name']!r}", task["name"], reply["error"], text)
        return reply, text

    def load_sets(self, project: Project) -> Mapping[str, PartitionSet]:
        """The sets of a workspace by name, read again only when its catalog changed."""
        sequence = project.catalog.sequence()
        known = self._sets.get(project.root)
        if known is None or known[0] != sequence or not sequence:
            known = self._sets[project.root] = (sequence, load_sets(project.catalog))
        return known[1]

    def close(self) -> None:
        """End the zygote, and the children that still run: who waits for one gets a `LookEndedError`."""
        with self._guard:
            self._is_closed = True
            if self._control is not None:
                self._control.close()
            if self._zygote is not None:
                self._zygote.kill()
                self._zygote.wait()
            self._control = self._zygote = None

    def _load_keys(self, project: Project, one: PartitionSet) -> list[str]:
        sequence, place = project.catalog.sequence(), (project.root, one.name)
        known = self._keys.get(place)
        if known is None or known[0] != sequence or not sequence:
            known = self._keys[place] = (sequence, list(one))
        return known[1]

    def _start(self, printed: int) -> tuple[socket.socket, _Child]:
        ours, theirs = socket.socketpair()
        with theirs:
            if not self._forks:
                process = self._start_process(str(theirs.fileno()), (theirs.fileno(),), printed)
                return ours, _Started(process)
            with self._guard:
                try:
                    wire.send(self._ensure_zygote(), {}, [theirs.fileno(), printed])
                except OSError:  # it was killed: another one takes its place
                    self._forget_zygote()
                    wire.send(self._ensure_zygote(), {}, [theirs.fileno(), printed])
        return ours, _Forked(ours)

    def _start_process(self, argument: str, descriptors: tuple[int, ...], output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, argument],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            env={**os.environ, GUARDIAN_VARIABLE: ""},
            start_new_session=True,
        )

    def _ensure_zygote(self) -> socket.socket:
        if self._zygote is not None and self._zygote.poll() is not None:
            self._forget_zygote()
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs, open(os.devnull, "wb") as nothing:
                argument = f"zygote:{theirs.fileno()}"
                self._zygote = self._start_process(argument, (theirs.fileno(),), nothing.fileno())
        return self._control

    def _forget_zygote(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()
        self._control = self._zygote = None


class _Child:
    """A child that runs a sensor."""

    pid: int | None = None

    def end(self) -> None:
        """Kill it, and what it started and is still in its session."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


class _Started(_Child):
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self.pid = process, process.pid

    def end(self) -> None:
        super().end()
        self._process.wait()


class _Forked(_Child):
    """A child of the zygote, which says its number first."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel


class _Talk:
    """The talk with a child, from its task to its answer."""

    def __init__(self, whose: str, timeout_s: float, channel: socket.socket, child: _Child) -> None:
        self._whose, self._timeout_s, self._channel, self._child = whose, timeout_s, channel, child
        self._most = max(_LEAST_MEMORY, int(_total_memory() * _MEMORY_SHARE))
        self._is_begun = False
        self._why = "its process ended before it answered: it was killed, or ended itself"

    def say(self, message: Mapping[str, Any]) -> None:
        """Send the child a message; that it is gone is seen when it is listened to."""
        with contextlib.suppress(ConnectionError):
            wire.send(self._channel, dict(message))

    def listen(self, load_keys: Callable[[str], list[str]]) -> dict[str, Any] | None:
        """The answer; None where none came, and `explain_end` says why."""
        end = time.monotonic() + _START_LIMIT_S
        while True:
            left = end - time.monotonic()
            if left <= 0:
                limit = f"{self._timeout_s:g} s (timeout_s)" if self._is_begun else f"{_START_LIMIT_S:g} s of its start"
                self._why = f"it did not answer within {limit}"
                return None
            if not select.select([self._channel], [], [], min(left, _LOOK_S))[0]:
                if _resident_bytes(self._child.pid) > self._most:
                    self._why = f"it took more than {self._most / 2**30:.1f} GiB of memory, and was ended"
                    return None
                continue
            self._channel.settimeout(max(0.1, left))
            try:
                message, _ = wire.receive(self._channel)
            except (TimeoutError, json.JSONDecodeError, UnicodeDecodeError):
                message = None
            if message is None:
                return None
            if "pid" in message:
                self._is_begun = True
                self._child.pid, end = message["pid"], time.monotonic() + self._timeout_s
            elif "keys_of" in message:
                self.say({"keys": load_keys(message["keys_of"])})
            elif "refused" in message:
                self._why = message["refused"]
                return None
            else:
                return message

    def explain_end(self) -> str:
        """Why no answer came, as a sentence."""
        return f"{self._whose} failed: {self._why}."


def _read_error(whose: str, name: str, error: Mapping[str, Any], printed: str) -> TriggerFailedError:
    start = f"{whose} failed: " if error["is_own"] else f"{whose} raised {error['class']}: "
    return make_trigger_error(
        start + error["message"],
        trigger=name,
        error_class=error["class"],
        traceback=error["traceback"],
        printed=printed,
    )


def _read_end(descriptor: int) -> str:
    """The end of what was printed, as text."""
    size = os.fstat(descriptor).st_size
    data = os.pread(descriptor, 4 * MOST_PRINTED, max(0, size - 4 * MOST_PRINTED))
    return data.decode("utf-8", "replace").strip()[-MOST_PRINTED:]


def _resident_bytes(pid: int | None) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _total_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0
