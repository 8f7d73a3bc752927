"""Executing a notebook for plain papermill, outside of any workspace."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from nbpart.assets.cells import source_of
from nbpart.run.environment_writes import find_set_variables
from nbpart.run.execution import Execution
from nbpart.run.execution_options import KernelSetup, Limits, OutputTargets
from nbpart.run.forked_execution import ForkedExecution
from nbpart.run.given_notebook import GivenNotebook
from nbpart.run.interrupts import call_interruptibly
from nbpart.run.kernels.forked_kernel import PrewarmError
from nbpart.run.kernels.forking import find_forkable
from nbpart.run.kernels.imports import Imports
from nbpart.run.report import Ending
from nbpart.states import RunStatus


def execute_standalone(  # noqa: PLR0913
    nb: Any,
    kernel_name: str,
    *,
    output_path: str | None = None,
    folder: str | None = None,
    start_timeout: float | None = 60,
    execution_timeout: float | None = None,
    timeout: float | None = None,
    autosave_cell_every: float | None = 30,
    preload: Sequence[str] = (),
    progress_bar: Any = False,
    stdout_file: Any = None,
    **options: Any,
) -> Any:
    """Execute a notebook for plain papermill; the options are those of `PapermillEngine`.

    Raises as papermill's own engine does: CellTimeoutError, and where no cell was reached NoSuchKernel or
    DeadKernelError; of other errors papermill learns from the cells.
    """
    from papermill.iorw import write_ipynb

    interrupted = threading.Event()
    setup = KernelSetup(os.path.abspath(folder or os.getcwd()))
    targets = OutputTargets(
        save=lambda nb: write_ipynb(nb, output_path) if output_path else None,
        write=lambda text: stdout_file.write(text) if stdout_file is not None else None,
        progress_bar=progress_bar,
        autosave_s=autosave_cell_every or None,
    )
    limits = Limits(start_s=start_timeout or 60.0, cell_s=execution_timeout or timeout or None)
    executing = _Executing(nb, kernel_name, setup, targets, {"should_stop": interrupted.is_set, "limits": limits})

    def interrupt() -> None:
        interrupted.set()
        executing.wake()

    call_interruptibly(lambda: executing.run(tuple(preload)), interrupt, "nbpart engine")
    if interrupted.is_set():
        raise KeyboardInterrupt
    _raise_for(executing.ending)
    return nb


@dataclass
class _Executing:
    """The execution of a notebook in the way that is possible: in a forked kernel's own process, or by the protocol."""

    notebook: Any
    kernel_name: str
    setup: KernelSetup
    targets: OutputTargets
    options: Mapping[str, Any]
    _execution: Execution | ForkedExecution | None = None

    def run(self, preload: tuple[str, ...]) -> None:
        kernel_spec, notes = find_forkable(self.kernel_name), tuple[str, ...]()
        if kernel_spec is not None:
            cells = [source_of(cell) for cell in self.notebook.cells if cell.cell_type == "code"]
            imports = Imports(preload).without_what_reads(find_set_variables(cells))
            setup = replace(self.setup, imports=imports)
            forked = ForkedExecution(
                kernel_spec, GivenNotebook(self.notebook), setup, self.targets, polls=False, **self.options
            )
            self._execution = forked
            try:
                forked.run()
                return
            except PrewarmError as error:
                notes = (f"an ordinary kernel was started, as none could be forked: {error}",)
        execution = self._execution = Execution(self.setup, self.targets, notes=notes, **self.options)
        execution.run(self.notebook, self.kernel_name)

    def wake(self) -> None:
        if self._execution is not None:
            self._execution.wake()

    @property
    def ending(self) -> Ending:
        assert self._execution is not None
        assert self._execution.ending is not None
        return self._execution.ending


def _raise_for(ending: Ending) -> None:
    if ending.error_class == "TimeoutError":
        raise CellTimeoutError(ending.error_message or "")
    if ending.status is RunStatus.SUCCEEDED or ending.error_cell is not None:
        return
    if ending.error_class == "NoSuchKernel":
        raise NoSuchKernel(ending.error_message or "")
    raise DeadKernelError(ending.error_message)
