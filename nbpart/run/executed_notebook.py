"""The executed notebook on disk, with the status of each cell.

papermill's own record marks cells that never ran as completed, and knows neither dead kernels nor cancelling.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager

from nbpart.run.report import Ending
from nbpart.run.streams import StreamOutputs
from nbpart.states import RunStatus

# colours and cursors, links and titles, strings of a device, character sets, and the single ones
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
)


def strip_ansi(text: str) -> str:
    """Text without the escape sequences that colour a terminal."""
    return _ANSI.sub("", text)


class NotebookRecord(NotebookExecutionManager):  # type: ignore[misc]
    """The executed notebook: saved only as often as that is cheap, with its cells marked as they ended.

    The arguments are those of `OutputTargets`; ``write`` is its ``save``. ``at`` is what time it is for the record, in
    seconds since 1970; None is now.
    """

    at: float | None = None

    def __init__(
        self,
        nb: Any,
        write: Callable[[Any], object],
        about: Mapping[str, Any],
        progress_bar: bool = False,
        autosave_s: float | None = 0.0,
        streams: StreamOutputs | None = None,
    ) -> None:
        super().__init__(nb, output_path=None, progress_bar=progress_bar, autosave_cell_every=0)
        self.streams = streams or StreamOutputs()
        self._write = write
        self._about = dict(about)
        self._is_due = self._is_changed = False
        self._next_save = self._next_autosave = 0.0
        self._autosave_s = autosave_s

    def now(self) -> datetime.datetime:
        now = datetime.datetime.now(datetime.UTC)
        return now if self.at is None else datetime.datetime.fromtimestamp(self.at, datetime.UTC)

    def save(self, **kwargs: Any) -> None:
        self._is_due = True
        self.save_if_due()

    def save_if_due(self) -> None:
        """Write the notebook if something changed and the last write is long enough ago."""
        begin = time.monotonic()
        is_autosave = self._is_changed and self._autosave_s is not None and begin >= self._next_autosave
        if not (self._is_due or is_autosave) or begin < self._next_save:
            return
        self._is_due = self._is_changed = False
        self._write_settled()
        end = time.monotonic()
        self._next_save = end + max(0.25, 20 * (end - begin))
        self._next_autosave = end + (self._autosave_s or 0.0)

    def mark_changed(self) -> None:
        """Note that a running cell has an output."""
        self._is_changed = True

    def notebook_start(self, **kwargs: Any) -> None:
        self.nb.metadata["nbpart"] = {**self._about, "status": str(RunStatus.RUNNING)}
        given = self.nb.metadata.get("papermill", {}).get("input_path")
        if isinstance(given, Mapping):  # papermill was handed a notebook, and takes it for the path of one
            self.nb.metadata.papermill["input_path"] = given["metadata"].get("papermill", {}).get("input_path")
        super().notebook_start(**kwargs)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """As papermill's own, which parses the text of the start again: that took a tenth of a short run."""
        about, now = cell.metadata.papermill, self.now()
        about["end_time"] = now.isoformat()
        if about.get("start_time"):
            about["duration"] = (now - datetime.datetime.fromisoformat(about["start_time"])).total_seconds()
        if about["status"] != self.FAILED:
            about["status"] = self.COMPLETED
        self.save()
        if self.pbar:
            self.pbar.update(1)

    def finish(self, ending: Ending) -> None:
        """Mark the cells and the notebook as they ended, and write it; cells that did not run stay pending."""
        failed = ending.status is not RunStatus.SUCCEEDED
        if failed and ending.error_cell is not None:
            cell = self.nb.cells[ending.error_cell]
            self.cell_exception(cell, ending.error_cell)
            if cell.metadata.papermill.get("end_time") is None:
                self.cell_complete(cell, ending.error_cell)
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
            **({"note": ending.note} if ending.note else {}),
        }
        self.cleanup_pbar()
        self._write_settled()

    def _write_settled(self) -> None:
        self.streams.settle()
        self._write(self.nb)


def _add_error(cell: Any, ending: Ending) -> None:
    """Add the error to the outputs of the cell, unless it is there already."""
    if cell.cell_type != "code":
        return
    shown = [output.ename for output in cell.outputs if output.output_type == "error"]
    # a cell that shows nothing at all does not show where it raised
    lines = [] if cell.outputs else (ending.traceback or "").splitlines()
    if ending.error_class not in shown:
        cell.outputs.append(
            nbformat.v4.new_output(  # type: ignore[no-untyped-call]
                "error", ename=ending.error_class or "", evalue=ending.error_message or "", traceback=lines
            )
        )
