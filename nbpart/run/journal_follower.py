"""Making the notebook of a run from its journal: while it runs, and where its kernel died before it wrote it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from nbpart.run.cell_outputs import CellOutputs
from nbpart.run.check_cells import CheckCells, find_check
from nbpart.run.child_messages import decode_ending
from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.execution_options import OutputTargets
from nbpart.run.journal import JournalReader, to_message
from nbpart.run.kernels.printed import STREAMS
from nbpart.run.last_output import UnrecordedText
from nbpart.run.report import Ending
from nbpart.run.widget_client import WidgetClient


class JournalFollower:
    """Executes nothing: it does with a notebook what its kernel's journal says was done.

    ``cell`` is the index of the cell that was begun last. ``began_at`` and ``done_at`` are those of all cells but
    checks, ``cell_began_at`` that of the cell that runs, None between cells, in seconds of `time.monotonic`.
    """

    def __init__(
        self, notebook: Any, targets: OutputTargets, journal: int, write: Callable[[str], None] = lambda text: None
    ) -> None:
        self._journal = JournalReader(journal)
        self._write = write
        self.record = NotebookRecord(
            notebook, targets.save, targets.about, targets.progress_bar, targets.autosave_s, targets.streams
        )
        self._outputs = CellOutputs(self.record, self._note_text)
        self._outputs.kc = WidgetClient(_Session())
        self._unrecorded = UnrecordedText()
        self._request: str | None = None
        self.checks = CheckCells()
        self.cell: int | None = None
        self.cell_began_at: float | None = None
        self.began_at = self.done_at = 0.0
        self.record.notebook_start()

    def follow(self) -> None:
        """Do what was recorded since the last time."""
        for entry in self._journal.read():
            if "cell" in entry:
                self._begin(entry)
            elif "done" in entry:
                self._end(entry)
            elif "note" in entry:
                self._write(entry["note"])
            elif "language" in entry:
                self.record.nb.metadata["language_info"] = entry["language"]
            else:
                self._outputs.take(to_message(entry))
        self.record.save_if_due()

    def add_unrecorded(self, console: int, piped: Sequence[bytes]) -> str:
        """Add what the kernel printed and did not record, by the file that is its console, and what it had not read
        of its streams' pipes; returns that text.
        """
        found = list(self._unrecorded.find(console).items())
        found += [(name, data.decode("utf-8", "replace")) for name, data in zip(STREAMS, piped, strict=False) if data]
        for name, text in found:
            message = {"kind": "stream", "of": self._request, "content": {"name": name, "text": text}}
            self._outputs.take(to_message(message))
        return "".join(text for _, text in found)

    def finish(self, ending: Ending) -> None:
        """Write the notebook as the run ended."""
        self._outputs.set_widgets_metadata()
        self.record.at = None
        self.record.finish(ending)

    @property
    def running_cell(self) -> int | None:
        """The index of the cell that runs; None between cells."""
        return None if self.cell_began_at is None else self.cell

    @property
    def cells_s(self) -> float:
        """From the first cell's start to the end of the last that was executed, in seconds."""
        return max(0.0, self.done_at - self.began_at) if self.began_at else 0.0

    def _note_text(self, name: str, text: str) -> None:
        self._unrecorded.add(name, text)
        self._write(text)

    def _begin(self, entry: dict[str, Any]) -> None:
        index, self._request = entry["cell"], entry["id"]
        self.cell, self.cell_began_at = index, entry["at"]
        self.began_at = self.began_at or entry["at"]
        cell = self.record.nb.cells[index]
        self.record.at = entry["now"]
        self.record.cell_start(cell, index)
        self._outputs.begin_cell(cell, index, entry["id"])

    def _end(self, entry: dict[str, Any]) -> None:
        index, cell = entry["done"], self.record.nb.cells[entry["done"]]
        self.record.at = entry["now"]
        if self.cell != index:
            self.cell = index
            self.record.cell_start(cell, index)
        self.cell_began_at = None
        ending = None if entry["ending"] is None else decode_ending(entry["ending"])
        if find_check(cell) is not None:
            self.checks.end(cell, ending)
            ending = None
        else:
            self.done_at = entry["at"]
        if ending is None or ending.error_cell is None:
            self.record.cell_complete(cell, index)


class _Session:
    """Makes messages that nobody gets: the kernel of a journal has had them."""

    def msg(self, kind: str, **more: Any) -> dict[str, Any]:
        return {"header": {"msg_id": uuid.uuid4().hex, "msg_type": kind}, **more}
