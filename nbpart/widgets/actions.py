"""What widgets ask of a workspace: a small protocol, and the records that it answers with.

Whatever does something answers with the line of Python that does the same. Each may be called from any thread, returns
soon (a backfill is started, not waited for), and raises an `NbpartError` whose text is for the person who clicked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

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
    """A plan: how many steps, for which reasons, and its first rows (asset, partition_key, reason)."""

    selection: str
    steps: int
    reasons: Mapping[str, int]
    head: tuple[tuple[str, str | None, str], ...]
    code: str


@dataclass(frozen=True, slots=True)
class PartitionShown:
    """One partition: status, parameters, data, metrics, and its newest runs (`RunShown`)."""

    asset: str
    partition_key: str | None
    status: str
    reason: str
    params: Mapping[str, Any]
    facts: Mapping[str, Any]
    files: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Any]
    runs: tuple[RunShown, ...]
    code: str


@dataclass(frozen=True, slots=True)
class RunShown:
    """One run; ``notebook`` is the absolute path of what it executed, if it is there."""

    run_id: str
    status: str
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str | None
    traceback: str
    notebook: str | None
    code: str


@dataclass(frozen=True, slots=True)
class DataShown:
    """The beginning of a partition's data: a table (``columns`` and ``rows`` of texts), or ``text``, or a PNG."""

    kind: str
    told: str
    code: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class LogShown:
    """The end of a run's log; ``cut`` characters before it are not shown."""

    text: str
    cut: int
    code: str


@dataclass(frozen=True, slots=True)
class Options:
    """How a backfill runs; None is its default."""

    max_workers: int | None = None
    retries: int = 0
    timeout_s: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


class Actions(Protocol):
    """What a workspace does for its widgets."""

    @property
    def root(self) -> Path:
        """The workspace's folder; what the catalog calls relative is relative to it."""

    def plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> PlanShown:
        """What a backfill would run; nothing runs."""

    def backfill(
        self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str], options: Options
    ) -> Done:
        """Start a backfill in the background of this process."""

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

    def partition(self, asset: str, partition_key: str | None) -> PartitionShown: ...

    def log_tail(self, run_id: str, longest: int = 20_000) -> LogShown: ...

    def preview(self, asset: str, partition_key: str | None, run_id: str | None = None) -> DataShown: ...

    def look_for_dead(self) -> None:
        """Mark what processes that died had running as interrupted."""
