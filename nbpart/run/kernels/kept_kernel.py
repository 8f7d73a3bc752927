"""Kernels that outlive their failed run, so that a person can inspect them."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shlex
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpart.errors import MissingInputError
from nbpart.run.kernels.processes import started_at
from nbpart.run.kernels.waiting import has_ended
from nbpart.storage.own_files import read_own

_ANSWER_S = 30.0
_END_S = 5.0
#: So many variables are shown, and so many characters of each.
_MOST_SHOWN, _LONGEST_VALUE = 20, 80
# executed by the kernel itself: it ends though nobody is left to end it. The alarm is for one that is stuck in C code.
_OUTLIVE = """
def outlive(ttl_s, paths):
    import os, shutil, signal, threading, time
    def end():
        time.sleep(ttl_s)
        for path in paths:
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
        os.killpg(0, signal.SIGKILL) if os.getpgid(0) == os.getpid() else os._exit(1)
    threading.Thread(target=end, name="nbpart time to live", daemon=True).start()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, ttl_s + 5)
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """A name in a kept kernel: its value's type, and its repr, cut where it is long."""

    name: str
    type: str
    repr: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of the error; `is_cell` where its code is the notebook's own."""

    function: str
    file: str
    line: int
    is_cell: bool
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Inspection:
    """What a kept kernel holds: the notebook's globals, and the frames of the error, outermost first.

    Shown, it is a line a variable: those of the notebook, and those where it was raised.
    """

    variables: tuple[Variable, ...]
    frames: tuple[Frame, ...]

    def __repr__(self) -> str:
        lines = [f"{len(self.variables)} variables of the notebook", *map(_show, self.variables[:_MOST_SHOWN])]
        if (frame := self.frame) is not None and frame.variables:
            lines += [f"raised in {frame.function}, line {frame.line}", *map(_show, frame.variables[:_MOST_SHOWN])]
        return "\n".join(lines)

    @property
    def frame(self) -> Frame | None:
        """The innermost frame of the notebook's own code, else the innermost one."""
        own = [frame for frame in self.frames if frame.is_cell]
        frames = own or list(self.frames)
        return frames[-1] if frames else None


class KeptKernel:
    """The kernel of a failed run that was kept, by the connection file that it was kept under.

    A forked kernel lives until its time is over, also when the process that ran it ends normally; if that process is
    killed, so are its kernels. A stock kernel ends with the process that ran it, however that ends.
    Raises MissingInputError where the file is gone, or was not written by this user for a process of this machine.
    """

    def __init__(self, connection_file: str | os.PathLike[str]) -> None:
        self.connection_file = str(connection_file)
        try:
            about = json.loads(read_own(Path(connection_file), of_this_user=True))["nbpart"]
            self.pid, self._started = int(about["pid"]), about["started"]
            self.expires_at = float(about["expires_at"])
            if self.pid <= 1 or (self._started is None and started_at(os.getpid()) is not None):
                raise ValueError("that names no process in particular")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MissingInputError(
                f"no kernel is kept under {self.connection_file!r} any more; run it again to keep another."
            ) from error

    def __repr__(self) -> str:
        state = f"alive until {time.strftime('%H:%M', time.localtime(self.expires_at))}" if self.is_alive else "ended"
        return (
            f"<kept kernel, process {self.pid}, {state}: .inspect(), .execute(code), .console_command(), .shutdown()>"
        )

    @property
    def is_alive(self) -> bool:
        """Whether it is there, on this machine."""
        return not has_ended(self.pid, self._started)

    def inspect(self) -> Inspection:
        """Names, types and reprs of its globals and of the frames of its error. TimeoutError where it is busy."""
        source = Path(__file__).with_name("inspection.py").read_text("utf-8")
        call = "__import__('json').dumps(ns['inspect_failure'](get_ipython()))"
        expressions = {"inspection": f"(lambda ns: (exec({source!r}, ns), {call})[1])({{}})"}
        with self._connect() as client:
            reply = client.execute("", silent=True, user_expressions=expressions, reply=True, timeout=_ANSWER_S)
        answer = reply["content"]["user_expressions"]["inspection"]
        if answer["status"] != "ok":
            raise RuntimeError(f"the kept kernel could not be inspected: {answer['ename']}: {answer['evalue']}")
        found = json.loads(ast.literal_eval(answer["data"]["text/plain"]))
        frames = tuple(Frame(**{**frame, "variables": _variables(frame["variables"])}) for frame in found["frames"])
        return Inspection(_variables(found["variables"]), frames)

    def execute(self, code: str, timeout_s: float = _ANSWER_S) -> str:
        """Execute code in it and return what that printed and its last value, or its traceback, as text.

        Raises TimeoutError where it takes longer; it goes on in the kernel then.
        """
        parts: list[str] = []

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                parts.append(content["text"])
            elif message["msg_type"] in ("execute_result", "display_data"):
                parts.append(content["data"].get("text/plain", "") + "\n")
            elif message["msg_type"] == "error":
                parts.append("\n".join(content["traceback"]) + "\n")

        with self._connect() as client:
            client.execute_interactive(code, store_history=False, output_hook=take, timeout=timeout_s)
        from nbpart.run.executed_notebook import strip_ansi

        return strip_ansi("".join(parts))

    def console_command(self) -> str:
        """The command that opens a console on it in a terminal."""
        return shlex.join(["jupyter", "console", "--existing", self.connection_file])

    def shutdown(self) -> None:
        """End it and remove its connection file."""
        if self.is_alive:
            with contextlib.suppress(RuntimeError, TimeoutError), self._connect() as client:
                client.shutdown(reply=True, timeout=_END_S)
            end = time.monotonic() + _END_S
            while self.is_alive and time.monotonic() < end:
                time.sleep(0.01)
            if self.is_alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    leads = os.getpgid(self.pid) == self.pid
                    (os.killpg if leads else os.kill)(self.pid, signal.SIGKILL)
        Path(self.connection_file).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _connect(self) -> Any:
        from jupyter_client.blocking.client import BlockingKernelClient

        if not self.is_alive:
            raise MissingInputError(f"the kernel kept under {self.connection_file!r} has ended; run it again.")
        client = BlockingKernelClient()
        client.load_connection_file(self.connection_file)
        client.start_channels()
        try:
            client.wait_for_ready(timeout=_ANSWER_S)
            yield client
        finally:
            client.stop_channels()


def write_kept(path: str, connection: dict[str, Any], pid: int, ttl_s: float) -> None:
    """Write the connection file of a kept kernel for this user alone, with what KeptKernel must know of it."""
    about = {"pid": pid, "started": started_at(pid), "expires_at": time.time() + ttl_s}
    Path(path).parent.mkdir(exist_ok=True)  # not what is above it: that of a workspace that was moved stays away
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({**connection, "nbpart": about}, file)
    os.replace(temporary, path)


def outlive_code(ttl_s: float, paths: list[str]) -> str:
    """What makes an IPython kernel end by itself after a while and remove these paths then."""
    return f"(lambda ns: (exec({_OUTLIVE!r}, ns), ns['outlive']({ttl_s!r}, {paths!r})))({{}})\n"


def outlive(ttl_s: float, paths: list[str]) -> None:
    """As `outlive_code`, in the kernel itself."""
    names: dict[str, Any] = {}
    exec(_OUTLIVE, names)  # noqa: S102 - the text above
    names["outlive"](ttl_s, paths)


def _show(variable: Variable) -> str:
    value = " ".join(variable.repr.split())
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    return f"  {variable.name}: {variable.type.removeprefix('builtins.')} = {shown}"


def _variables(found: list[dict[str, str]]) -> tuple[Variable, ...]:
    return tuple(Variable(**each) for each in found)
