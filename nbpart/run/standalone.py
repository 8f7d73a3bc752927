"""Executing a notebook for plain papermill, outside of any workspace."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from nbpart.run.execution import Execution
from nbpart.run.execution_options import KernelSetup, Limits, OutputTargets
from nbpart.run.interrupts import call_interruptibly
from nbpart.run.kernels.launch import Imports
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
    setup = KernelSetup(os.path.abspath(folder or os.getcwd()), imports=Imports(tuple(preload)))
    targets = OutputTargets(
        save=lambda nb: write_ipynb(nb, output_path) if output_path else None,
        write=lambda text: stdout_file.write(text) if stdout_file is not None else None,
        progress_bar=progress_bar,
        autosave_s=autosave_cell_every or None,
    )
    limits = Limits(start_s=start_timeout or 60.0, cell_s=execution_timeout or timeout or None)
    execution = Execution(setup, targets, should_stop=interrupted.is_set, limits=limits)

    def interrupt() -> None:
        interrupted.set()
        execution.wake()

    call_interruptibly(lambda: execution.run(nb, kernel_name), interrupt, "nbpart engine")
    if interrupted.is_set():
        raise KeyboardInterrupt
    assert execution.ending is not None
    _raise_for(execution.ending)
    return nb


def _raise_for(ending: Ending) -> None:
    if ending.error_class == "TimeoutError":
        raise CellTimeoutError(ending.error_message or "")
    if ending.status is RunStatus.SUCCEEDED or ending.error_cell is not None:
        return
    if ending.error_class == "NoSuchKernel":
        raise NoSuchKernel(ending.error_message or "")
    raise DeadKernelError(ending.error_message)
