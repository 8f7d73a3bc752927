"""What an execution of a notebook is given: its limits, its kernel, and where its outputs go."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbpart.run.kernels.imports import Imports
from nbpart.run.kernels.launch import RunKernel
from nbpart.run.report import Ending
from nbpart.run.streams import StreamOutputs
from nbpart.states import RunStatus


@dataclass(frozen=True)
class Limits:
    """How long something may take, in seconds; None is without limit.

    ``start_s``: until the kernel answers. ``run_s``: from then on. ``cell_s``: one cell. ``grace_s``: an interrupted
    cell, until its kernel is terminated, and then killed.
    """

    start_s: float = 120.0
    run_s: float | None = None
    cell_s: float | None = None
    grace_s: float = 2.0

    @property
    def grace_parts_s(self) -> tuple[float, float]:
        """How long is waited after each of two interrupts: the first may reach the kernel between two cells."""
        return 0.4 * self.grace_s, 0.6 * self.grace_s

    def find_stop(
        self, should_stop: Callable[[], bool], deadline: float | None, cell_began_at: float | None
    ) -> Ending | None:
        """Why a run has to be stopped now, None where it has not; times are those of `time.monotonic`."""
        if should_stop():
            return Ending(RunStatus.CANCELLED, "Cancelled", "the run was cancelled")
        now = time.monotonic()
        if deadline is not None and now > deadline:
            return Ending(RunStatus.FAILED, "TimeoutError", f"the run took longer than {self.run_s:g} s")
        if self.cell_s and cell_began_at is not None and now > cell_began_at + self.cell_s:
            return Ending(RunStatus.FAILED, "TimeoutError", f"a cell took longer than {self.cell_s:g} s")
        return None


@dataclass(frozen=True)
class KernelSetup:
    """How the kernel of an execution is started, and what becomes of it at the end.

    ``folder``: its working directory. ``environment``: variables beside those of this process. ``startup``: lines that
    an IPython kernel executes first. ``secrets``: what a Python kernel gets through a pipe (see `spell_secrets`).
    ``imports``: modules that a prewarmed kernel may have imported; those that have read an environment variable which a
    cell sets are left out. ``started``: a kernel that was started ahead for this execution. ``keep_as``: where a cell
    raises, or all succeed with ``keeps_succeeded``, the kernel is kept for ``keep_s`` seconds, with its connection file
    at this path (see `KeptKernel`); IPython only.
    """

    folder: str
    environment: Mapping[str, str] = field(default_factory=dict)
    startup: Sequence[str] = ()
    secrets: bytes = b""
    imports: Imports = field(default_factory=Imports)
    started: RunKernel | None = None
    keep_as: str | None = None
    keep_s: float = 3600.0
    keeps_succeeded: bool = False


@dataclass(frozen=True)
class OutputTargets:
    """Where the outputs of an execution go.

    ``save``: writes the notebook, in whatever state it is. ``write``: gets the text that cells print. ``about``: what
    the notebook's metadata say of the run besides its status. ``autosave_s``: the least time between two saves while a
    cell runs, None for no such saves. ``streams``: limits what is kept of printed text, by default nothing is cut.
    """

    save: Callable[[Any], None]
    write: Callable[[str], None]
    about: Mapping[str, Any] = field(default_factory=dict)
    progress_bar: bool = False
    autosave_s: float | None = 0.0
    streams: StreamOutputs | None = None
