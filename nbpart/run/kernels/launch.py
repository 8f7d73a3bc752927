"""Starting the kernel of one run, by a fork where possible, else as Jupyter does, and ending it reliably."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from nbpart.run.kernels.error_report import report_code
from nbpart.run.kernels.folders import can_hold_sockets, make_folder
from nbpart.run.kernels.forked_kernel import ForkedKernel, Usage
from nbpart.run.kernels.forking import find_forkable
from nbpart.run.kernels.kept_kernel import write_kept
from nbpart.run.kernels.lossless_output import lossless_code
from nbpart.run.kernels.processes import (
    GUARDIAN_VARIABLE,
    descendants_of,
    identify,
    is_gone,
    is_meant_to_stay,
    kill_run,
    send,
)
from nbpart.run.kernels.provisioner import is_ipython_command
from nbpart.run.kernels.stock_kernel_exit import exit_guard_code
from nbpart.run.kernels.usage import read_usage
from nbpart.run.kernels.waiting import call_in_thread, wait_end
from nbpart.run.kernels.zygotes import is_supported
from nbpart.run.modules import MARK_VARIABLE
from nbpart.run.secrets import RECEIVE_SECRETS_LINE, pass_secrets, spell_environment

SPARE, STOCK = "spare", "stock"
_TERM_LIMIT_S = 1.0
_KILL_LIMIT_S = 10.0
#: So many messages of a kernel that waits for its reader wait here.
_MOST_UNREAD = 100


class RunKernelClient(AsyncKernelClient):
    """A client with the two channels that a run needs from its beginning."""

    def start_channels(self, shell: bool = True, iopub: bool = True, *_: Any, **__: Any) -> None:
        super().start_channels(shell=shell, iopub=iopub, stdin=False, hb=False, control=False)

    def connect_iopub(self, identity: bytes | None = None) -> Any:
        # a kernel that waits for its reader keeps what is unread itself; of others all is read as it comes
        self.context.setsockopt(zmq.RCVHWM, _MOST_UNREAD if getattr(self.parent, "is_steady", False) else 0)
        return super().connect_iopub(identity)


class RunKernelManager(AsyncKernelManager):
    """Jupyter's manager of one kernel, whose clients are those above.

    is_steady: whether the kernel waits for the reader of its output, and so drops nothing.
    """

    is_steady = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_factory = RunKernelClient


@dataclass
class RunKernel:
    """A kernel that one run has for itself.

    kind: "spare" (started ahead) or "stock". console: what it wrote past Jupyter's messages. process: like a Popen
    object, or None where it runs elsewhere. mark: the one that it, and what it started, bears.
    """

    manager: RunKernelManager
    kind: str
    process: Any
    console: IO[bytes]
    sockets: str | None = None
    mark: str | None = None
    usage: Usage = field(default_factory=Usage)
    _started: set[str] = field(default_factory=set)

    @property
    def is_ipython(self) -> bool:
        spec: Any = self.manager.kernel_spec
        return is_ipython_command(spec.argv) and self.process is not None

    def measure(self) -> None:
        """Read the usage of a kernel without a zygote now: after its end the peak memory is not known any more."""
        if self.process is not None and not isinstance(self.process, ForkedKernel):
            now = read_usage(self.process.pid)
            if now is not None:
                self.usage = Usage(now.cpu_s, now.peak_rss_bytes or self.usage.peak_rss_bytes)

    async def ended(self, limit_s: float | None) -> bool:
        """Wait at most `limit_s` seconds. Returns whether the process has ended; then `usage` is set."""
        if self.process is None or self.process.returncode is not None:
            return True
        self.measure()
        self._note_started()
        if not await wait_end(self.process, limit_s):
            return False
        if isinstance(self.process, ForkedKernel):
            self.usage = self.process.usage
        else:
            self.measure()
        return True

    async def end(self, grace_s: float, *, now: bool, on_ended: Callable[[], Awaitable[None]] | None = None) -> None:
        """End the process and its group: `now` by SIGTERM and SIGKILL, else it gets `grace_s` to end by itself.

        on_ended: awaited when it is gone, and what it left can still be read.
        """
        try:
            if self.process is None:
                if self.manager.has_kernel:
                    await self.manager.shutdown_kernel(now=now)
            elif not await self.ended(0 if now else grace_s):
                self._signal_group(signal.SIGTERM)
                if not await self.ended(_TERM_LIMIT_S):
                    self._signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
                    await self.ended(_KILL_LIMIT_S)
            if on_ended is not None:
                await on_ended()
        finally:
            await self.close()

    def keep(self, path: str, ttl_s: float) -> None:
        """Let it live on after its run, with a connection file at `path`; it ends by itself after `ttl_s` seconds."""
        info: dict[str, Any] = dict(self.manager.get_connection_info())
        info["key"] = info["key"].decode()
        write_kept(path, info, self.process.pid, ttl_s)
        self.usage = read_usage(self.process.pid) or self.usage
        if isinstance(self.process, ForkedKernel):
            self.process.detach()
            self.process.close()
        # not its own cleaning up: that would remove the sockets
        self.manager.context.destroy(linger=100)
        self.console.close()

    def discard(self) -> None:
        """Kill a kernel that no run has used; may be called from any thread."""
        if self.process is not None:
            self._note_started()
            self._signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
            self.process.wait()
            self._end_started()
        self.manager.cleanup_connection_file()
        self.manager.context.destroy(linger=0)
        self.console.close()
        if self.sockets is not None:
            shutil.rmtree(self.sockets, ignore_errors=True)

    async def close(self) -> None:
        """Close everything; processes that are left in the kernel's group are killed."""
        if self.process is not None:
            self._signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
            self.process.poll()
            if isinstance(self.process, ForkedKernel):
                self.process.close()
            await call_in_thread(self._end_started)
        with contextlib.suppress(OSError):
            await self.manager.cleanup_resources()
        self.console.close()
        if self.sockets is not None:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _note_started(self) -> None:
        """List the processes that a kernel without a zygote has started, which is impossible after its end."""
        if is_supported() and not isinstance(self.process, ForkedKernel):
            self._started |= {identify(pid) for pid in descendants_of(self.process.pid) if not is_meant_to_stay(pid)}

    def _end_started(self) -> None:
        """Kill processes that the kernel started and left; where there is a zygote, it has done so."""
        if not is_supported() or (isinstance(self.process, ForkedKernel) and not self.process.is_abandoned):
            return
        send(signal.SIGKILL, [int(name.partition(".")[0]) for name in self._started if not is_gone(name)])
        if self.mark:
            kill_run(self.mark)

    def _signal_group(self, number: int) -> None:
        # each kernel leads a session, so its group is its own, and outlives it as long as one of the group does
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
        else:
            with contextlib.suppress(OSError):
                self.process.kill()


async def start_kernel(
    name: str,
    *,
    folder: str,
    environment: Mapping[str, str],
    startup: Sequence[str] = (),
    secrets: bytes = b"",
) -> RunKernel:
    """Start the kernel of this name as Jupyter does, in that folder and with exactly this environment.

    startup: lines that an IPython kernel executes before its first cell. secrets: what it is handed by a pipe. Raises
    NoSuchKernel, and OSError where it cannot be started.
    """
    return await _start(RunKernelManager(kernel_name=name), folder, environment, startup, secrets)


async def _start(
    manager: RunKernelManager,
    folder: str,
    environment: Mapping[str, str],
    startup: Sequence[str],
    secrets: bytes,
) -> RunKernel:
    sockets = None
    if can_hold_sockets():
        # files that only this user can open, instead of ports that everybody on the machine can
        sockets = make_folder()
        manager.transport, manager.ip = "ipc", os.path.join(sockets, "k")
        manager.connection_file = os.path.join(sockets, "kernel.json")
    arguments = []
    spec: Any = manager.kernel_spec
    if any("ipykernel" in part for part in spec.argv):
        manager.is_steady = True
        lines = [report_code(), *([exit_guard_code(sockets)] if is_supported() else []), lossless_code()]
        lines += [*([RECEIVE_SECRETS_LINE] if secrets else []), *startup]
        # what is printed is repeated on the console, where the last output of a kernel that dies can be read
        arguments = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.quiet=False"]
        arguments += [f"--IPKernelApp.exec_lines={line}" for line in lines]
    console = tempfile.TemporaryFile()  # noqa: SIM115 - the kernel's for its life
    kernel = RunKernel(manager, STOCK, None, console, sockets, environment.get(MARK_VARIABLE))
    # this process is the guardian of what it starts itself; where it is killed, the next one does its work
    mark = {GUARDIAN_VARIABLE: f"{identify(os.getpid())}/"} if is_supported() else {}
    try:
        with pass_secrets(secrets) as descriptors:
            pipe = spell_environment(descriptors[0]) if descriptors else {}
            await manager.start_kernel(
                extra_arguments=arguments,
                cwd=folder,
                env={**environment, **mark, **pipe},
                stdout=console,
                stderr=console,
                **({"pass_fds": descriptors} if descriptors else {}),
            )
    except BaseException:
        kernel.process = getattr(manager.provisioner, "process", None)
        await kernel.end(0, now=True)
        raise
    kernel.process = getattr(manager.provisioner, "process", None)
    return kernel


def start_spare(
    name: str,
    *,
    folder: str,
    environment: Mapping[str, str],
    startup: Sequence[str] = (),
    secrets: bytes = b"",
    prepare: Callable[[], object] = lambda: None,
) -> RunKernel | None:
    """Start a kernel for a run whose turn is still to come; None where one can be forked then.

    environment: variables beside those of this process. prepare: called before the kernel starts. Must not be called
    where an event loop runs. Raises as `start_kernel` does.
    """
    if find_forkable(name) is not None:
        return None
    manager = RunKernelManager(kernel_name=name)
    prepare()
    kernel = asyncio.run(_start(manager, folder, run_environment(environment), startup, secrets))
    kernel.kind = SPARE
    # made in a loop that is over now; the next is made in the run's own
    manager._close_control_socket()
    return kernel


def run_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run's kernel: that of this process, and more."""
    environment = {**os.environ, **more}
    # a kernel that coordinates must not hand its own session's name on
    environment.pop("JPY_SESSION_NAME", None)
    return environment
