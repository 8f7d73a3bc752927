"""Where a run failed, so that failures with one cause are known as equal. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbpart.run.report import RunReport

#: A frame of a traceback: of a cell, of a file as IPython shows it, and as Python does.
_FRAME = re.compile(r'^\s*(Cell In\s?\[\d+\]|File "?[^\n"]+?"?)(?:, line |:)(\d+)', re.MULTILINE)
_TERMINAL = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class ErrorPlace:
    """The class of an error, and the cell and the line where it was raised, as far as its traceback says them."""

    error_class: str
    cell: int | None
    frame: str

    def __str__(self) -> str:
        """``ValueError at Cell In[3], line 5``"""
        if self.frame:
            return f"{self.error_class} at {self.frame}"
        return self.error_class if self.cell is None else f"{self.error_class} in cell {self.cell}"


def find_error_place(report: RunReport) -> ErrorPlace | None:
    """Where a run failed; None where no error is known."""
    if not report.error_class:
        return None
    frames = _FRAME.findall(_TERMINAL.sub("", report.traceback or ""))
    frame = f"{frames[-1][0]}, line {frames[-1][1]}" if frames else ""
    return ErrorPlace(report.error_class, report.error_cell, frame)
