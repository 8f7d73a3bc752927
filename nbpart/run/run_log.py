"""The log of a run."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from typing import IO

from nbpart.run.redaction import Redactor
from nbpart.run.report import Ending
from nbpart.run.texts import MOST_MESSAGE, show_text


class RunLog:
    """The log of a run: what its cells print, as it comes, and a last line with the outcome.

    The file is open for reading and appending: the kernel of a run and the process that coordinates it write to one.
    """

    def __init__(self, file: IO[str], redactor: Redactor) -> None:
        self._file = file
        self._writer = redactor.wrap(self._append) if redactor else None
        self._hide = redactor.redact_value
        self.write: Callable[[str], None] = self._writer or self._append

    def _append(self, text: str) -> None:
        if text:
            self._file.write(text)
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def flush(self) -> None:
        """Write what was held back, as it might be the beginning of a secret."""
        if self._writer is not None:
            self._writer.flush()

    def end(self, ending: Ending, duration_s: float) -> None:
        self.flush()
        if self._is_line_begun():
            self.write("\n")
        if ending.traceback and ending.error_class != "DeadKernel":
            self.write(f"{ending.traceback}\n")
        # hidden before it is cut: half a secret would not be known
        reason = self._hide(f"{ending.error_class}: {ending.error_message}" if ending.error_class else ending.note)
        reason = f": {show_text(reason, MOST_MESSAGE)}" if reason else ""
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        line = " ".join(f"{ending.status} after {duration_s:.1f} s{reason}".splitlines())
        self.write(f"[nbpart {at}] {line}\n")
        self.flush()

    def _is_line_begun(self) -> bool:
        """Whether the file ends within a line, whoever wrote that."""
        size = os.fstat(self._file.fileno()).st_size
        return size > 0 and os.pread(self._file.fileno(), 1, size - 1) != b"\n"
