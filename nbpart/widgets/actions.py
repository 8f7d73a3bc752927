"""What widgets ask of a workspace: a small protocol, and the records that it answers with.

Whatever does something answers with the line of Python that does the same. Each may be called from any thread, returns
soon (a backfill is started, not waited for), and raises an `NbpartError` whose text is for the person who clicked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from nbpart.states import LIVE

#: A key as text, or as its parameters by name.
KeyLike = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in a sentence, and the line of code for it; with a backfill, if one was started or changed."""

    told: str
    code: str
    backfill_id: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan: how many steps, for which reasons, and its first rows (asset, partition_key, reason).

    ``notice`` says which edited code it took up.
    ``notes`` say what will keep some of them from being made.
    """

    selection: str
    steps: int
    reasons: Mapping[str, int]
    head: tuple[tuple[str, str | None, str], ...]
    code: str
    notice: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunBrief:
    """A run in a list."""

    run_id: str
    status: str
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class MadeShown:
    """What one run made, or what a partition has now: sizes, files (name, format, path, bytes) and metrics."""

    materialized_at: str
    run_id: str | None
    duration_s: float | None
    rows: int | None
    bytes: int | None
    files: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PartitionShown:
    """One partition: its status, why it is stale, its parameters and data, and its newest runs.

    ``run_id`` is the run that the status speaks of; ``blocked`` what kept the last backfill from running it, or "".
    """

    asset: str
    partition_key: str | None
    status: str
    reason: str
    params: Mapping[str, Any]
    made: MadeShown | None
    run_id: str | None
    runs: tuple[RunBrief, ...]
    code: str
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class RunShown:
    """One run as it was; ``notebook`` is the absolute path of what it executed, if it is there."""

    run_id: str
    asset: str
    partition_key: str | None
    status: str
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str | None
    traceback: str
    notebook: str | None
    has_log: bool
    made: MadeShown | None
    code: str

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class DataShown:
    """The beginning of a partition's data: a table (``columns``, their ``types``, ``rows`` of texts), or ``text``, or a
    PNG."""

    kind: str
    told: str
    code: str
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class LogShown:
    """A part of a run's log, from byte ``start`` up to ``end``."""

    text: str
    start: int
    end: int
    code: str


@dataclass(frozen=True, slots=True)
class CellShown:
    """A cell of an executed notebook: its source, and its outputs as text or as PNG."""

    kind: str
    source: str
    outputs: tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class NotebookShown:
    """An executed notebook; ``left_out`` cells of it are not shown."""

    cells: tuple[CellShown, ...]
    left_out: int


class NumberOption(Protocol):
    """An option of a backfill that a form asks for: a whole number within bounds that both hold (None: no bound).

    The form shows ``label``, ``help`` where one asks for it, and ``placeholder`` while nothing is typed, which means
    the ``default``.
    """

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def placeholder(self) -> str: ...
    @property
    def default(self) -> Any: ...
    @property
    def least(self) -> int | None: ...
    @property
    def most(self) -> int | None: ...

    def check(self, value: Any) -> Any:
        """Return the value if the option can have it. Raises `nbpart.errors.DeclarationError`."""


class Actions(Protocol):
    """What a workspace does for its widgets."""

    @property
    def root(self) -> Path:
        """The workspace's folder; what the catalog calls relative is relative to it."""

    @property
    def form_options(self) -> Sequence[NumberOption]:
        """The options of a backfill that a form asks for, in order."""

    def plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> PlanShown:
        """What a backfill would run; nothing runs."""

    def backfill(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        status: Sequence[str],
        options: Mapping[str, Any],
    ) -> Done:
        """Start a backfill in the background of this process; ``options`` by name, those left out are the default."""

    def cancel(self, backfill_id: str) -> Done:
        """Ask a backfill of this process for its end; refused with a sentence where another process runs it."""

    def retry_failed(self, backfill_id: str) -> Done:
        """Start a new backfill of the steps that failed or were blocked."""

    def resume(self, backfill_id: str) -> Done:
        """Go on with the steps that have no outcome."""

    def add_keys(self, partitions: str, keys: Sequence[KeyLike]) -> Done:
        """Add keys to a set of dynamic partitions; `Done.keys` are those that were new."""

    def add_grid(self, partitions: str, axes: Mapping[str, Sequence[Any]]) -> Done:
        """Add every combination of values of parameters; `Done.keys` are the first of those that were new."""

    def remove_keys(self, partitions: str, keys: Sequence[KeyLike]) -> Done:
        """Take keys off a set of dynamic partitions; `Done.keys` are those that were on it."""

    def partition(self, asset: str, partition_key: str | None) -> PartitionShown:
        """What is known of a partition, and its newest runs."""

    def run(self, run_id: str) -> RunShown:
        """A run as it was, and what it made."""

    def log_tail(self, run_id: str, after: int | None = None, longest: int = 20_000) -> LogShown:
        """The end of a run's log, or what came after that byte; where more than ``longest`` came, the end of it."""

    def preview(
        self, asset: str, partition_key: str | None, run_id: str | None = None, file: str | None = None
    ) -> DataShown:
        """The data as it is now or as a run left it; ``file`` names one of several that it saved."""

    def executed(self, run_id: str) -> NotebookShown:
        """The notebook that a run executed."""

    @property
    def seen_at(self) -> datetime | None:
        """When somebody last looked for edited code; None where nobody did."""

    def refresh(self) -> Done:
        """Look at the files of sources and at the code on disk now."""

    def look_for_dead(self) -> None:
        """Mark what processes that died had running as interrupted; returns at once where it was looked just now."""
