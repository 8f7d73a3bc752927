"""The engine that papermill executes a run's notebook with: one kernel, watched, with a true record.

papermill's own engine marks cells that never ran as completed, and knows neither dead kernels nor cancelling. Here the
outcome is what happened to the kernel and the cells, and the notebook on disk says the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from queue import Empty
from typing import IO, Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, DeadKernelError
from nbclient.util import ensure_async
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from nbpart.run.modules import STARTUP_LINE
from nbpart.states import RunStatus
from nbpart.storage.files import write_bytes_atomic

ENGINE = "nbpart"
_TICK_S = 0.1
_ALIVE_S = 0.2
_LATE_S = 0.02
_START_LIMIT_S = 120.0
_IOPUB_LIMIT_S = 30.0
_TAIL = 16_384
# the system's limit for a socket's path is 104 to 108, and the channel's number comes behind
_SOCKET_PATH = 80
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_logger = logging.getLogger("nbpart.run")
_logger.addHandler(logging.NullHandler())
# papermill warns of each notebook without a parameters cell: here that is no fault
logging.getLogger("papermill").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Ending:
    """How the execution of a notebook ended; `cell` is the 0-based index of the cell that was running, if one was."""

    status: RunStatus
    error_class: str | None = None
    error_message: str | None = None
    cell: int | None = None
    traceback: str | None = None
    exit_code: int | None = None


SUCCEEDED = Ending(RunStatus.SUCCEEDED)


def strip_ansi(text: str) -> str:
    """Text without the escape sequences that colour a terminal."""
    return _ANSI.sub("", text)


class NotebookRecord(NotebookExecutionManager):  # type: ignore[misc]
    """The executed notebook on disk: written atomically, at most as often as it is cheap, and mended at its end."""

    def __init__(self, nb: Any, path: str, about: Mapping[str, Any]) -> None:
        super().__init__(nb, output_path=None, progress_bar=False, autosave_cell_every=0)
        self._path = path
        self._about = dict(about)
        self._is_due = False
        self._next_save = 0.0

    def save(self, **kwargs: Any) -> None:
        self._is_due = True
        self.save_if_due()

    def save_if_due(self) -> None:
        """Write the notebook if it changed and the last write is long enough ago."""
        begin = time.monotonic()
        if not self._is_due or begin < self._next_save:
            return
        self._is_due = False
        self._write()
        end = time.monotonic()
        self._next_save = end + max(0.25, 20 * (end - begin))

    def mark_changed(self) -> None:
        self._is_due = True

    def notebook_start(self, **kwargs: Any) -> None:
        self.nb.metadata["nbpart"] = {**self._about, "status": str(RunStatus.RUNNING)}
        super().notebook_start(**kwargs)

    def finish(self, ending: Ending) -> None:
        """Mark the cells and the notebook as they ended and write the notebook: what did not run stays pending."""
        failed = ending.status is not RunStatus.SUCCEEDED
        if failed and ending.cell is not None:
            cell = self.nb.cells[ending.cell]
            self.cell_exception(cell, ending.cell)
            if cell.metadata.papermill.get("end_time") is None:
                self.cell_complete(cell, ending.cell)
            _add_error(cell, ending)
        self.end_time = self.now()
        about = self.nb.metadata.papermill
        about["end_time"] = self.end_time.isoformat()
        about["duration"] = (self.end_time - self.start_time).total_seconds()
        about["exception"] = failed or None
        self.nb.metadata["nbpart"] = {
            **self._about,
            "status": str(ending.status),
            "error_class": ending.error_class,
            "error_message": ending.error_message,
        }
        self._write()

    def _write(self) -> None:
        text: str = nbformat.writes(self.nb)  # type: ignore[no-untyped-call]
        write_bytes_atomic(self._path, text.encode("utf-8", "replace"))


class RunClient(PapermillNotebookClient):  # type: ignore[misc]
    """nbclient's client, which hands on what a cell prints and sees a dead kernel soon."""

    def __init__(self, record: NotebookRecord, write: Callable[[str], None], **options: Any) -> None:
        super().__init__(record, raise_on_iopub_timeout=False, **options)
        self._write = write
        self.asks_exit = False
        self.on_cell_executed = self._look_for_exit

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "stream":
            self._write(msg["content"]["text"])
        # past papermill's own method, which writes logs of its own
        output = super(PapermillNotebookClient, self).process_message(msg, cell, cell_index)
        self.nb_man.mark_changed()
        return output

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        while True:
            message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
            if message["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return
            elif message["msg_type"] == "stream":  # a thread, or a late line, of a cell before
                self._write(message["content"]["text"])

    async def write_late_output(self) -> None:
        """Hand on what comes after the last cell's end: what a subprocess printed goes a longer way."""
        with contextlib.suppress(Empty):
            while True:
                message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=_LATE_S))
                if message["msg_type"] == "stream":
                    self._write(message["content"]["text"])

    async def _async_poll_kernel_alive(self) -> None:
        while True:
            await asyncio.sleep(_ALIVE_S)
            if not await ensure_async(self.kc.is_alive()):
                # what it printed last may still be on its way
                await asyncio.sleep(_ALIVE_S)
                if self.task_poll_for_reply is not None:
                    self.task_poll_for_reply.cancel()
                return

    def _look_for_exit(self, cell: Any, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        payload = execute_reply["content"].get("payload") or []
        self.asks_exit = self.asks_exit or any(part.get("source") == "ask_exit" for part in payload)


class RunEngine(Engine):  # type: ignore[misc]
    """Hands the prepared notebook to the Execution that the caller brought along."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *, execution: Execution, **options: Any) -> Any:
        return execution.run(nb, kernel_name)


papermill_engines.register(ENGINE, RunEngine)


class Execution:
    """One notebook in one kernel of its own, from the kernel's start to its end.

    folder: the kernel's working directory. environment: variables beside those of this process. write: gets what cells
    print. should_stop: looked at several times a second; True cancels. timeout_s: limit from the kernel being ready.
    grace_s: how long an interrupted cell may take to end before its kernel is killed. check: may turn a success into
    a failure once the kernel is gone. has_modules: the kernel shall install the run's import finder first.
    """

    def __init__(
        self,
        *,
        folder: str,
        environment: Mapping[str, str],
        output_notebook: str,
        about: Mapping[str, Any],
        write: Callable[[str], None],
        should_stop: Callable[[], bool],
        check: Callable[[Ending], Ending],
        timeout_s: float | None,
        grace_s: float,
        has_modules: bool,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._output_notebook = output_notebook
        self._about = about
        self._write = write
        self._should_stop = should_stop
        self._check = check
        self._timeout_s = timeout_s
        self._grace_s = grace_s
        self._has_modules = has_modules
        self._client: Any = None
        self._process: Any = None
        self._sockets: str | None = None
        self._cell: int | None = None
        self._deadline: float | None = None
        self._stopping: Ending | None = None
        self.ending: Ending | None = None

    def run(self, nb: Any, kernel_name: str) -> Any:
        """Execute the notebook; how it ended is in `ending`. Must not be called where an event loop runs."""
        record = NotebookRecord(nb, self._output_notebook, self._about)
        record.notebook_start()
        with tempfile.TemporaryFile() as console:
            self.ending = self._check(asyncio.run(self._drive(record, kernel_name, console)))
        record.finish(self.ending)
        return nb

    async def _drive(self, record: NotebookRecord, kernel_name: str, console: IO[bytes]) -> Ending:
        self._client = RunClient(
            record,
            self._write,
            kernel_name=kernel_name,
            resources={"metadata": {"path": self._folder}},
            startup_timeout=_START_LIMIT_S,
            iopub_timeout=_IOPUB_LIMIT_S,
            coalesce_streams=True,
            log=_logger,
        )
        work = asyncio.ensure_future(self._work(record, console))
        ending = None
        try:
            ending = await self._watch(work, record)
            return ending
        finally:
            ended_well = ending is not None and self._stopping is None and ending.error_class != "DeadKernel"
            await self._end_kernel(now=not ended_well)

    async def _watch(self, work: asyncio.Future[Ending], record: NotebookRecord) -> Ending:
        while not work.done():
            await asyncio.wait({work}, timeout=_TICK_S)
            record.save_if_due()
            reason = None if work.done() else self._stop_reason()
            if reason is not None:
                return await self._stop(work, reason)
        return work.result()

    def _stop_reason(self) -> Ending | None:
        if self._should_stop():
            return Ending(RunStatus.CANCELLED, "Cancelled", "the run was cancelled")
        if self._deadline is not None and time.monotonic() > self._deadline:
            return Ending(RunStatus.FAILED, "TimeoutError", f"the run took longer than {self._timeout_s:g} s")
        return None

    async def _stop(self, work: asyncio.Future[Ending], reason: Ending) -> Ending:
        self._stopping = reason
        if self._cell is not None:
            # twice: the first may reach the kernel between two cells, or a handler that swallows it
            for part in (0.4, 0.6):
                if not work.done():
                    with contextlib.suppress(RuntimeError, ProcessLookupError):  # the kernel is gone already
                        await ensure_async(self._client.km.interrupt_kernel())
                    await asyncio.wait({work}, timeout=self._grace_s * part)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        stopped = None if work.cancelled() else work.result()
        where = f"; it was stopped in cell {self._cell + 1}" if self._cell is not None else ""
        traceback = stopped.traceback if stopped is not None else None
        return replace(reason, error_message=f"{reason.error_message}{where}", cell=self._cell, traceback=traceback)

    async def _work(self, record: NotebookRecord, console: IO[bytes]) -> Ending:
        failure = await self._start_kernel(console)
        if failure is not None:
            return failure
        self._deadline = time.monotonic() + self._timeout_s if self._timeout_s else None
        for index, cell in enumerate(record.nb.cells):
            self._cell = index
            record.cell_start(cell, index)
            failure = await self._execute_cell(cell, index, console)
            if failure is None and self._stopping is None:
                record.cell_complete(cell, index)
                failure = self._exit_asked(index)
            if failure is not None or self._stopping is not None:
                return failure or SUCCEEDED
        self._client.set_widgets_metadata()
        await self._client.write_late_output()
        return SUCCEEDED

    async def _start_kernel(self, console: IO[bytes]) -> Ending | None:
        client = self._client
        environment = {**os.environ, **self._environment}
        # a kernel that coordinates must not hand its own session's name on
        environment.pop("JPY_SESSION_NAME", None)
        try:
            client.create_kernel_manager()
            self._use_sockets(client.km)
            if self._has_modules and any("ipykernel" in part for part in client.km.kernel_spec.argv):
                client.extra_arguments = [f"--IPKernelApp.exec_lines={STARTUP_LINE}"]
            await client.async_start_new_kernel(env=environment, stdout=console, stderr=console)
            self._process = getattr(client.km.provisioner, "process", None)
            await client.async_start_new_kernel_client()
            info = await client.async_wait_for_reply(await ensure_async(client.kc.kernel_info()))
        except NoSuchKernel:
            name = client.kernel_name
            return Ending(
                RunStatus.FAILED,
                "NoSuchKernel",
                f"there is no kernel {name!r} here; install it, or choose one that `jupyter kernelspec list` shows",
            )
        except OSError as error:
            message = f"the kernel {client.kernel_name!r} could not be started: {error}"
            return Ending(RunStatus.FAILED, "DeadKernel", message)
        except (RuntimeError, DeadKernelError) as error:
            return self._dead_kernel("while it started", console, default=str(error))
        if info is not None:
            client.nb.metadata["language_info"] = info["content"]["language_info"]
        return None

    def _use_sockets(self, manager: Any) -> None:
        # files that only this user can open, instead of ports that everybody on the machine can
        if os.name == "posix" and len(tempfile.gettempdir()) < _SOCKET_PATH:
            self._sockets = tempfile.mkdtemp(prefix="nbpart-")
            manager.transport, manager.ip = "ipc", os.path.join(self._sockets, "k")

    async def _execute_cell(self, cell: Any, index: int, console: IO[bytes]) -> Ending | None:
        try:
            await self._client.async_execute_cell(cell, index)
        except CellExecutionError as error:
            return _cell_error(cell, index, error)
        except DeadKernelError:
            return replace(self._dead_kernel(f"in cell {index + 1}", console), cell=index)
        return None

    def _exit_asked(self, index: int) -> Ending | None:
        cells = self._client.nb.cells[index + 1 :]
        if not self._client.asks_exit or not any(c.cell_type == "code" and c.source.strip() for c in cells):
            return None
        message = f"cell {index + 1} ended the kernel, so the cells after it did not run; leave out its exit()"
        return Ending(RunStatus.FAILED, "DeadKernel", message, index, exit_code=0)

    def _dead_kernel(self, where: str, console: IO[bytes], default: str = "") -> Ending:
        code = self._process.poll() if self._process is not None else None
        # a kernel sends what is printed as messages and repeats it here: worth reading only for its last words
        console.seek(max(0, console.seek(0, os.SEEK_END) - _TAIL))
        said = strip_ansi(console.read().decode("utf-8", "replace")).strip()
        if said:
            self._write(f"\n{said}\n")
        if code is None and default:
            message = f"the kernel did not answer {where}: {default}"
        else:
            message = f"the kernel died {where}{_exit_phrase(code)}"
        return Ending(RunStatus.FAILED, "DeadKernel", message, traceback=said or None, exit_code=code)

    async def _end_kernel(self, *, now: bool) -> None:
        client = self._client
        manager = client.km
        provisioner = getattr(manager, "provisioner", None)
        process = self._process or getattr(provisioner, "process", None)
        client.shutdown_kernel = "immediate" if now else "graceful"
        try:
            if provisioner is not None:
                await client._async_cleanup_kernel()
        except Exception as error:  # noqa: BLE001 - the notebook's outcome stands whatever its kernel does at its end
            _logger.warning("the kernel %s did not end well: %s", client.kernel_name, error)
        finally:
            if process is not None:
                _sweep(process)
            if self._sockets is not None:
                shutil.rmtree(self._sockets, ignore_errors=True)


def _sweep(process: Any) -> None:
    """Kill what the kernel left: itself, and what it started and did not end."""
    pid = getattr(process, "pid", None)
    if pid is None or not hasattr(os, "killpg"):
        return
    # jupyter_client gives each kernel a session of its own, so its group is its own too
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    process.wait()


def _cell_error(cell: Any, index: int, error: CellExecutionError) -> Ending:
    shown = [output for output in cell.outputs if output.output_type == "error"]
    traceback = strip_ansi("\n".join(shown[-1].traceback)) if shown else strip_ansi(str(error))
    if error.ename == "KeyboardInterrupt":
        message = f"the kernel was interrupted in cell {index + 1}"
        return Ending(RunStatus.CANCELLED, "KeyboardInterrupt", message, index, traceback)
    message = strip_ansi(error.evalue)
    if error.ename == "SystemExit":
        message = f"cell {index + 1} called sys.exit({message}), so the run did not come to its end; leave it out"
    return Ending(RunStatus.FAILED, error.ename, message, index, traceback)


def _exit_phrase(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f" with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = ", often because the memory ran out" if name == "SIGKILL" else ""
    return f", killed by {name}{memory}"


def _add_error(cell: Any, ending: Ending) -> None:
    """Let the cell show the outcome as an error, unless it does already."""
    if cell.cell_type != "code":
        return
    shown = [output.ename for output in cell.outputs if output.output_type == "error"]
    if ending.error_class not in shown:
        cell.outputs.append(
            nbformat.v4.new_output(  # type: ignore[no-untyped-call]
                "error", ename=ending.error_class or "", evalue=ending.error_message or "", traceback=[]
            )
        )
