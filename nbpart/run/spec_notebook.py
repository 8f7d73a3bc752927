"""The notebook of a run's spec as an execution in a forked kernel takes it, and where the journal of that is."""

from __future__ import annotations

import os
from typing import Any

from nbpart.run.injected_notebook import load_injected_notebook
from nbpart.run.last_output import RecentText
from nbpart.run.spec import RunSpec
from nbpart.storage.own_files import share


class SpecNotebook:
    """The notebook of a run's spec; its kernel writes the log, of which this is the descriptor, and the notebook.

    The journal is beside the log; of a run that has secrets it is in memory.
    """

    is_written_by_kernel = True

    def __init__(self, spec: RunSpec, log: int) -> None:
        self._spec, self._log = spec, log
        self._journal: int | None = None

    def open_journal(self) -> int:
        if self._spec.secrets or self._spec.storage_options:
            self._journal = os.memfd_create("journal", os.MFD_CLOEXEC)
            return self._journal
        self._spec.journal.unlink(missing_ok=True)  # not written over, since it may be a link
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._journal = os.open(self._spec.journal, flags, 0o666)
        share(os.stat(self._spec.journal.parent), self._journal)
        return self._journal

    def describe(self) -> tuple[dict[str, Any], dict[str, int]]:
        return {"spec": str(self._spec.path)}, {"log": self._log}

    def load(self) -> Any:
        return load_injected_notebook(self._spec)[0]

    def find_missing(self, text: RecentText) -> str:
        if self._spec.secrets or self._spec.storage_options:
            return ""  # what is hidden there changes its length
        missing = text.size - os.fstat(self._log).st_size
        return text.end[-missing:].decode("utf-8", "replace") if 0 < missing <= len(text.end) else ""

    def close(self) -> None:
        if self._journal is not None:
            os.close(self._journal)
