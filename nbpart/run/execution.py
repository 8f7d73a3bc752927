"""Executing one notebook in one kernel of its own, with limits of time and a way to stop it.

The ending says what happened to the kernel and the cells, and the notebook on disk says the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbclient.util import ensure_async

from nbpart.assets.cells import source_of
from nbpart.run.cell_errors import CellError, find_cell_error, find_exit
from nbpart.run.check_cells import CheckCells, find_check
from nbpart.run.client import RunClient
from nbpart.run.environment_writes import find_set_variables
from nbpart.run.executed_notebook import NotebookRecord, strip_ansi
from nbpart.run.execution_options import KernelSetup, Limits, OutputTargets
from nbpart.run.kernels.forked_kernel import Usage
from nbpart.run.kernels.kept_kernel import outlive_code
from nbpart.run.kernels.launch import RunKernel, run_environment, start_kernel
from nbpart.run.report import SUCCEEDED, Ending
from nbpart.run.unsent_output import ReceivedOutput
from nbpart.states import RunStatus

_TICK_S = 0.2
_END_LIMIT_S = 2.5
_MOST_LAST_OUTPUT = 16_384

_logger = logging.getLogger("nbpart.run")
# papermill warns of each notebook without a parameters cell: here that is no fault
logging.getLogger("papermill").addHandler(logging.NullHandler())


class Execution:
    """The execution of one notebook in one kernel of its own, from the kernel's start to its end.

    should_stop: asked several times a second, and at once after `wake`; True cancels. check: may turn a success into a
    failure once the kernel is gone.

    After `run`, `ending` is how it ended, `checks` what became of the cells that are checks, `kernel_kind`, `notes` and
    `usage` are those of the kernel, and `kept` is the path of its connection file where it is kept.
    """

    _client: Any = None
    _cell: int | None = None
    _deadline: float | None = None
    _cell_began_at: float | None = None
    _stopping: Ending | None = None
    _began_at = _done_at = 0.0
    _loop: asyncio.AbstractEventLoop | None = None
    _woken: asyncio.Event | None = None

    def __init__(
        self,
        setup: KernelSetup,
        targets: OutputTargets,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        check: Callable[[Ending], Ending] = lambda ending: ending,
        limits: Limits | None = None,
    ) -> None:
        self._setup = setup
        self._targets = targets
        self._received = ReceivedOutput()
        self._should_stop = should_stop
        self._check = check
        self._limits = limits or Limits()
        self._kernel = setup.started
        self.ending: Ending | None = None
        self.checks = CheckCells()
        self.kernel_kind: str | None = None
        self.notes: tuple[str, ...] = ()
        self.usage = Usage()
        self.kept: str | None = None

    def run(self, nb: Any, kernel_name: str) -> Any:
        """Execute the notebook and return it; sets `ending`. Must not be called where an event loop runs."""
        to = self._targets
        record = NotebookRecord(nb, to.save, to.about, to.progress_bar, to.autosave_s, to.streams)
        record.notebook_start()
        self.ending = self._check(self.checks.forgive(asyncio.run(self._drive(record, kernel_name)), nb))
        if self._client is not None:
            self._client.set_widgets_metadata()
        record.finish(self.ending)
        return nb

    def wake(self) -> None:
        """Have `should_stop` asked now; may be called from any thread."""
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None:
            with contextlib.suppress(RuntimeError):  # it is over
                loop.call_soon_threadsafe(woken.set)

    @property
    def cells_s(self) -> float:
        """From the first cell's start to the end of the last that was executed, in seconds."""
        return max(0.0, self._done_at - self._began_at) if self._began_at else 0.0

    def _receive(self, name: str, text: str) -> None:
        self._received.add(name, text)
        self._targets.write(text)

    async def _drive(self, record: NotebookRecord, kernel_name: str) -> Ending:
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(self._work(record, kernel_name))
        is_left = False
        try:
            ending = await self._watch(work, record)
            if self._stopping is None and self._client is not None and ending.error_class != "DeadKernel":
                if await self._keep_kernel(ending):
                    return ending
                ending = await self._leave_kernel(ending, record)
                is_left = self._stopping is None
            return ending
        finally:
            await self._end_kernel(now=not is_left)

    async def _leave_kernel(self, ending: Ending, record: NotebookRecord) -> Ending:
        """Let the kernel end by itself; where it is stopped before, a success becomes the reason why it was stopped."""
        leaving = asyncio.ensure_future(self._client.request_end(_END_LIMIT_S))
        reason = await self._await_or_stop(leaving, record)
        leaving.cancel()
        await asyncio.wait({leaving})
        if not leaving.cancelled() and (error := leaving.exception()) is not None:
            _logger.warning("the kernel of a run did not end well: %s", error)
        self._stopping = reason
        if reason is None or ending.status is not RunStatus.SUCCEEDED:
            return ending
        return replace(reason, error_message=f"{reason.error_message}; its cells were done, but not its kernel's end")

    async def _watch(self, work: asyncio.Future[Ending], record: NotebookRecord) -> Ending:
        reason = await self._await_or_stop(work, record)
        return work.result() if reason is None else await self._stop(work, reason)

    async def _await_or_stop(self, work: asyncio.Future[Any], record: NotebookRecord) -> Ending | None:
        """Wait until ``work`` is done and return None, or return earlier why it has to be stopped."""
        assert self._woken is not None
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            while not work.done():
                reason = self._stop_reason()
                if reason is not None:
                    return reason
                waited: set[asyncio.Future[Any]] = {work} if woken.done() else {work, woken}
                await asyncio.wait(waited, timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED)
                record.save_if_due()
        finally:
            woken.cancel()
        return None

    def _stop_reason(self) -> Ending | None:
        if self._should_stop():
            return Ending(RunStatus.CANCELLED, "Cancelled", "the run was cancelled")
        now, limits = time.monotonic(), self._limits
        if self._deadline is not None and now > self._deadline:
            return Ending(RunStatus.FAILED, "TimeoutError", f"the run took longer than {limits.run_s:g} s")
        if limits.cell_s and self._cell_began_at is not None and now > self._cell_began_at + limits.cell_s:
            return Ending(RunStatus.FAILED, "TimeoutError", f"a cell took longer than {limits.cell_s:g} s")
        return None

    async def _stop(self, work: asyncio.Future[Ending], reason: Ending) -> Ending:
        self._stopping = reason
        if self._cell is not None:
            # twice: the first may reach the kernel between two cells, or a handler that swallows it
            for part in (0.4, 0.6):
                if not work.done():
                    with contextlib.suppress(RuntimeError, ProcessLookupError):  # the kernel is gone already
                        await ensure_async(self._client.km.interrupt_kernel())
                    await asyncio.wait({work}, timeout=self._limits.grace_s * part)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            self._done_at = time.monotonic()
        stopped = None if work.cancelled() else work.result()
        where = f"; it was stopped in cell {self._cell + 1}" if self._cell is not None else ""
        traceback = stopped.traceback if stopped is not None else None
        return replace(
            reason, error_message=f"{reason.error_message}{where}", error_cell=self._cell, traceback=traceback
        )

    async def _work(self, record: NotebookRecord, kernel_name: str) -> Ending:
        failure = await self._start_kernel(record, kernel_name)
        if failure is not None:
            return failure
        self._deadline = time.monotonic() + self._limits.run_s if self._limits.run_s else None
        ending: Ending | None = None
        for index, cell in enumerate(record.nb.cells):
            self._cell = index
            self._cell_began_at = time.monotonic()
            self._began_at = self._began_at or self._cell_began_at
            record.cell_start(cell, index)
            ending = await self._execute_cell(cell, index)
            self._cell_began_at = None
            if find_check(cell) is None:
                self._done_at = time.monotonic()
            elif self._stopping is None and (ending is None or ending.error_class != "DeadKernel"):
                self.checks.end(cell, ending)
                ending = None
            if self._stopping is not None or (ending is not None and ending.status is not RunStatus.SUCCEEDED):
                return ending or SUCCEEDED
            record.cell_complete(cell, index)
            if ending is not None:
                break
        await self._client.write_late_output()
        return ending or SUCCEEDED

    async def _start_kernel(self, record: NotebookRecord, name: str) -> Ending | None:
        limit_s = self._limits.start_s
        try:
            async with asyncio.timeout(limit_s):
                info = await self._connect(record, name)
        except NoSuchKernel:
            message = (
                f"there is no kernel {name!r} here; install it, or choose one that `jupyter kernelspec list` shows"
            )
            return Ending(RunStatus.FAILED, "NoSuchKernel", message)
        except TimeoutError:
            return self._dead_kernel("while it started", default=f"no answer within {limit_s:g} s")
        except OSError as error:
            return Ending(RunStatus.FAILED, "DeadKernel", f"the kernel {name!r} could not be started: {error}")
        except (RuntimeError, DeadKernelError) as error:
            return self._dead_kernel("while it started", default=str(error))
        record.nb.metadata["language_info"] = info["content"]["language_info"]
        return None

    async def _connect(self, record: NotebookRecord, name: str) -> dict[str, Any]:
        """Start the kernel, unless it was started ahead. Returns its reply to ``kernel_info_request``."""
        if self._kernel is None:
            self._kernel = await start_kernel(
                name,
                folder=self._setup.folder,
                environment=run_environment(self._setup.environment),
                startup=self._setup.startup,
                secrets=self._setup.secrets,
                imports=self._setup.imports.without_what_reads(find_set_variables(_sources(record.nb))),
            )
        self.kernel_kind, self.notes = self._kernel.kind, self._kernel.notes
        for note in self.notes:
            self._targets.write(f"[nbpart] {note}\n")
            _logger.warning("%s", note)
        self._client = RunClient(record, self._receive, self._kernel)
        info: dict[str, Any] = await self._client.connect(self._limits.start_s)
        return info

    async def _execute_cell(self, cell: Any, index: int) -> Ending | None:
        """Execute a cell. Returns how the run ends by it, None where the run goes on."""
        client = self._client
        try:
            await client.async_execute_cell(cell, index)
        except CellExecutionError:  # the reply and the outputs say more
            pass
        except DeadKernelError:
            return replace(self._dead_kernel(f"in cell {index + 1}"), error_cell=index)
        for note in client.notes:
            self._targets.write(f"[nbpart] cell {index + 1}: {note}\n")
        error = find_cell_error(cell.get("outputs", ()), client.reply, client.errors_in_widgets())
        if error is None or client.allows_error(cell, error.name):
            error = find_exit(client.reply)
        if error is None:
            return None
        return self._end_early(error, index) if error.is_good_exit else error.to_ending(index)

    def _end_early(self, exit: CellError, index: int) -> Ending:
        """The ending of a run that succeeded because a cell called exit(0); later cells are not executed."""
        cells = [cell for cell in self._client.nb.cells[index + 1 :] if find_check(cell) is None]
        left = sum(1 for cell in cells if cell.cell_type == "code" and cell.source.strip())
        behind = f"; the {left} code cell{'s' if left > 1 else ''} behind it did not run" if left else ""
        call = f"{exit.call}({exit.message})"
        return Ending(RunStatus.SUCCEEDED, note=f"cell {index + 1} ended the run by {call}{behind}")

    def _dead_kernel(self, where: str, default: str = "") -> Ending:
        kernel = self._kernel
        code = kernel.process.poll() if kernel is not None and kernel.process is not None else None
        # a cell that is given up looks like a dead kernel too
        last_output = "" if kernel is None or self._stopping is not None else self._write_last_output(kernel)
        if code is None and default:
            message = f"the kernel did not answer {where}: {default}"
        else:
            message = f"the kernel died {where}{_exit_phrase(code)}"
        return Ending(RunStatus.FAILED, "DeadKernel", message, traceback=last_output or None, exit_code=code)

    def _write_last_output(self, kernel: RunKernel) -> str:
        """Write out what a kernel that died printed and did not send any more. Returns the last part of that text."""
        unsent = self._write_unsent(kernel)
        console = self._received.read_console_rest(kernel)
        if console:
            self._targets.write(f"\n{console}\n")
        return strip_ansi(unsent + console)[-_MOST_LAST_OUTPUT:].strip()

    def _write_unsent(self, kernel: RunKernel) -> str:
        unsent = self._received.find_unsent(kernel)
        for name, text in unsent.items():
            self._receive(name, text)
        return "".join(unsent.values())

    async def _keep_kernel(self, ending: Ending) -> bool:
        kernel, client, setup = self._kernel, self._client, self._setup
        is_wanted = ending.status is RunStatus.SUCCEEDED if setup.keeps_succeeded else False
        is_wanted |= ending.status is RunStatus.FAILED and ending.error_cell is not None
        if setup.keep_as is None or not is_wanted:
            return False
        if kernel is None or not kernel.is_ipython or os.name != "posix":
            return False
        left_behind = [setup.keep_as, *([kernel.sockets] if kernel.sockets else [])]
        if not await client.execute_quietly(outlive_code(setup.keep_s, left_behind)):
            _logger.warning("the kernel of a run could not be kept: it does not answer")
            return False
        try:
            kernel.keep(setup.keep_as, setup.keep_s)
        except OSError as error:
            _logger.warning("the kernel of a run could not be kept: %s", error)
            return False
        finally:
            self.usage = kernel.usage
        client.disconnect()
        self.kept = setup.keep_as
        return True

    async def _end_kernel(self, *, now: bool) -> None:
        kernel, client = self._kernel, self._client
        if kernel is None or self.kept is not None:
            return
        kernel.measure()

        async def receive_rest() -> None:
            if self._stopping is not None and client is not None and kernel.process is not None:
                await client.receive_rest()
                self._write_unsent(kernel)

        try:
            await kernel.end(_END_LIMIT_S, now=now, on_ended=receive_rest)
        except Exception as error:  # noqa: BLE001 - the notebook's outcome stands whatever its kernel does at its end
            _logger.warning("the kernel of a run did not end well: %s", error)
        finally:
            self.usage = kernel.usage
            if client is not None:
                client.disconnect()


def _sources(nb: Any) -> list[str]:
    return [source_of(cell) for cell in nb.cells if cell.cell_type == "code"]


def _exit_phrase(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f" with exit code {code}"
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    memory = ", often because the memory ran out" if -code == signal.SIGKILL else ""
    return f", killed by signal {-code}{name}{memory}"
