"""Executing the cells of a notebook one after the other, and telling of each how the run goes on."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from nbpart.run.cell_errors import CellError, find_cell_error, find_exit
from nbpart.run.cell_outputs import CellOutputs
from nbpart.run.check_cells import CheckCells, find_check
from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.report import SUCCEEDED, Ending
from nbpart.states import RunStatus


@dataclass
class CellLoop:
    """Executes the cells of a record by `execute`, which returns how the run ends by a cell, None where it goes on.

    ``cell`` is the index of the one that was begun last, ``cell_began_at`` when, None between cells; ``began_at`` and
    ``done_at`` are those of all cells but checks, in seconds of `time.monotonic`.
    """

    record: NotebookRecord
    checks: CheckCells
    execute: Callable[[Any, int], Awaitable[Ending | None]]
    is_stopping: Callable[[], bool]
    cell: int | None = None
    cell_began_at: float | None = None
    began_at: float = 0.0
    done_at: float = field(default=0.0)

    async def run(self) -> Ending:
        """Execute them until one ends the run."""
        ending: Ending | None = None
        for index, cell in enumerate(self.record.nb.cells):
            self.cell = index
            self.cell_began_at = time.monotonic()
            self.began_at = self.began_at or self.cell_began_at
            self.record.cell_start(cell, index)
            ending = await self.execute(cell, index)
            self.cell_began_at = None
            if find_check(cell) is None:
                self.done_at = time.monotonic()
            elif not self.is_stopping() and (ending is None or ending.error_class != "DeadKernel"):
                self.checks.end(cell, ending)
                ending = None
            if self.is_stopping() or (ending is not None and ending.status is not RunStatus.SUCCEEDED):
                return ending or SUCCEEDED
            self.record.cell_complete(cell, index)
            if ending is not None:
                break
        return ending or SUCCEEDED

    @property
    def cells_s(self) -> float:
        """From the first cell's start to the end of the last that was executed, in seconds."""
        return max(0.0, self.done_at - self.began_at) if self.began_at else 0.0


def judge_cell(outputs: CellOutputs, cell: Any, index: int) -> Ending | None:
    """How a run ends by a cell that was executed, by its outputs and the reply to it; None where it goes on."""
    error = find_cell_error(cell.get("outputs", ()), outputs.reply, outputs.errors_in_widgets())
    if error is None or outputs.allows_error(cell, error.name):
        error = find_exit(outputs.reply)
    if error is None:
        return None
    return _end_early(error, outputs.nb, index) if error.is_good_exit else error.to_ending(index)


def explain_stop(reason: Ending, cell: int | None, stopped: Ending | None) -> Ending:
    """The ending of a run that was stopped for a reason while that cell ran, which ended so if it did."""
    where = f"; it was stopped in cell {cell + 1}" if cell is not None else ""
    traceback = stopped.traceback if stopped is not None else None
    return replace(reason, error_message=f"{reason.error_message}{where}", error_cell=cell, traceback=traceback)


def explain_late_stop(reason: Ending, ending: Ending) -> Ending:
    """The ending of a run that was stopped for a reason when its cells were done."""
    if ending.status is not RunStatus.SUCCEEDED:
        return ending
    return replace(reason, error_message=f"{reason.error_message}; its cells were done, but not its kernel's end")


def _end_early(exit: CellError, notebook: Any, index: int) -> Ending:
    """The ending of a run that succeeded because a cell called exit(0); later cells are not executed."""
    cells = [cell for cell in notebook.cells[index + 1 :] if find_check(cell) is None]
    left = sum(1 for cell in cells if cell.cell_type == "code" and cell.source.strip())
    behind = f"; the {left} code cell{'s' if left > 1 else ''} behind it did not run" if left else ""
    call = f"{exit.call}({exit.message})"
    return Ending(RunStatus.SUCCEEDED, note=f"cell {index + 1} ended the run by {call}{behind}")
