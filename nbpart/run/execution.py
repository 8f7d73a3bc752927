"""Executing one notebook in one kernel of its own, with limits of time and a way to stop it.

The ending says what happened to the kernel and the cells, and the notebook on disk says the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbclient.util import ensure_async

from nbpart.run.cell_loop import CellLoop, explain_late_stop, explain_stop, judge_cell
from nbpart.run.check_cells import CheckCells
from nbpart.run.client import RunClient
from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.execution_options import KernelSetup, Limits, OutputTargets
from nbpart.run.kernels.forked_kernel import Usage
from nbpart.run.kernels.kept_kernel import outlive_code
from nbpart.run.kernels.launch import RunKernel, run_environment, start_kernel
from nbpart.run.last_output import ConsoleRest, explain_death
from nbpart.run.report import Ending
from nbpart.states import RunStatus

_TICK_S = 0.2
_END_LIMIT_S = 2.5

_logger = logging.getLogger("nbpart.run")


class Execution:
    """The execution of one notebook in one kernel of its own, from the kernel's start to its end.

    should_stop: asked several times a second, and at once after `wake`; True cancels. check: may turn a success into a
    failure once the kernel is gone.

    After `run`, `ending` is how it ended, `checks` what became of the cells that are checks, `kernel_kind`, `notes` and
    `usage` are those of the kernel, and `kept` is the path of its connection file where it is kept.
    """

    _client: Any = None
    _cells: CellLoop | None = None
    _deadline: float | None = None
    _stopping: Ending | None = None
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
        notes: tuple[str, ...] = (),
    ) -> None:
        self._setup = setup
        self._targets = targets
        self._console = ConsoleRest()
        self._should_stop = should_stop
        self._check = check
        self._limits = limits or Limits()
        self._kernel = setup.started
        self.ending: Ending | None = None
        self.checks = CheckCells()
        self.kernel_kind: str | None = None
        self.notes = notes
        self.usage = Usage()
        self.kept: str | None = None
        self.is_lost = False

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
        return self._cells.cells_s if self._cells is not None else 0.0

    def _receive(self, name: str, text: str) -> None:
        self._console.add(text)
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
        return ending if reason is None else explain_late_stop(reason, ending)

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
        cell_began_at = self._cells.cell_began_at if self._cells is not None else None
        return self._limits.find_stop(self._should_stop, self._deadline, cell_began_at)

    async def _stop(self, work: asyncio.Future[Ending], reason: Ending) -> Ending:
        self._stopping = reason
        cell = self._cells.cell if self._cells is not None else None
        if cell is not None:
            for limit_s in self._limits.grace_parts_s:
                if not work.done():
                    with contextlib.suppress(RuntimeError, ProcessLookupError):  # the kernel is gone already
                        await ensure_async(self._client.km.interrupt_kernel())
                    await asyncio.wait({work}, timeout=limit_s)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            if self._cells is not None:
                self._cells.done_at = time.monotonic()
        return explain_stop(reason, cell, None if work.cancelled() else work.result())

    async def _work(self, record: NotebookRecord, kernel_name: str) -> Ending:
        failure = await self._start_kernel(record, kernel_name)
        if failure is not None:
            return failure
        self._deadline = time.monotonic() + self._limits.run_s if self._limits.run_s else None
        self._cells = CellLoop(record, self.checks, self._execute_cell, lambda: self._stopping is not None)
        ending = await self._cells.run()
        await self._client.receive_rest()
        return ending

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
            )
        self.kernel_kind = self._kernel.kind
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
        return judge_cell(client, cell, index)

    def _dead_kernel(self, where: str, default: str = "") -> Ending:
        kernel = self._kernel
        code = kernel.process.poll() if kernel is not None and kernel.process is not None else None
        # a cell that is given up looks like a dead kernel too
        last_output = "" if kernel is None or self._stopping is not None else self._write_last_output(kernel)
        if code is None and default:
            message = f"the kernel did not answer {where}: {default}"
            return Ending(RunStatus.FAILED, "DeadKernel", message, traceback=last_output or None)
        return explain_death(where, code, last_output)

    def _write_last_output(self, kernel: RunKernel) -> str:
        """Write out what a kernel that died wrote to its console. Returns the last part of that text."""
        console = self._console.read_rest(kernel.console.fileno())
        if console:
            self._targets.write(f"\n{console}\n")
        return console

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

        try:
            await kernel.end(_END_LIMIT_S, now=now, on_ended=receive_rest)
        except Exception as error:  # noqa: BLE001 - the notebook's outcome stands whatever its kernel does at its end
            _logger.warning("the kernel of a run did not end well: %s", error)
        finally:
            self.usage = kernel.usage
            if client is not None:
                client.disconnect()
