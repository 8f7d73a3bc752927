"""The protocol by which widgets read and change a workspace, and the records that it returns.

Every result carries ``code``, the line of Python that does the same. Methods may be called from any thread, return
soon (a backfill is started, not waited for), and raise an `NbpartError` whose text is shown to the person who clicked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from nbpart.partitions import PartitionRef
from nbpart.states import LIVE
from nbpart.widgets.curve_lines import CurveSet
from nbpart.widgets.trigger_actions import TriggerActions

#: A key as text, or as its parameters by name.
KeyLike = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What was done, as a sentence to show.

    ``backfill_id`` is the backfill that was started or changed, if any; ``keys`` the partition keys that were added
    (only the first 1,000 of a grid).
    """

    message: str
    code: str
    backfill_id: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan of a backfill: the number of its steps, by reason, and the first of them as (asset, key, reason).

    ``notice`` is a sentence about edited code that the plan takes into account, or ""; ``notes`` are sentences about
    what will keep some steps from running, ``waiting`` says what cannot be made yet.
    """

    selection: str
    steps: int
    reasons: Mapping[str, int]
    head: tuple[tuple[str, str | None, str], ...]
    code: str
    notice: str = ""
    notes: tuple[str, ...] = ()
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class VerbSummary:
    """What a verb did, or would do: a sentence, how much that is, 0 for nothing, and the line that does it."""

    message: str
    count: int
    code: str


@dataclass(frozen=True, slots=True)
class ChoiceSummary:
    """How many partitions are chosen, None where nothing restricts them, and the line that plans them."""

    count: int | None
    code: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as one line of a list; ``started_at`` is in ISO format."""

    run_id: str
    status: str
    attempt: int
    started_at: str | None
    duration_s: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class MaterializationDetails:
    """What a run produced, or what a partition has now.

    ``materialized_at`` is in ISO format, ``rows`` and ``bytes`` are None where they are not known. Each of ``files`` is
    a mapping of ``name``, ``format``, ``path`` (absolute) and ``bytes``; ``metrics`` are values by name.
    """

    materialized_at: str
    run_id: str | None
    duration_s: float | None
    rows: int | None
    bytes: int | None
    files: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PartitionDetails:
    """One partition: its status, parameters and data, and its newest runs, the newest first.

    ``why`` is the sentence that says why it is what it is, in parts, each with the partition whose name it is, or None.
    ``blocked`` is what kept the last backfill from running it, or "" where that is said already. ``run_id`` is the run
    that the status comes from. ``checks`` is what each check says of its data: name, outcome, more in a few words.
    """

    asset: str
    partition_key: str | None
    status: str
    why: tuple[tuple[str, PartitionRef | None], ...]
    params: Mapping[str, Any]
    materialization: MaterializationDetails | None
    run_id: str | None
    runs: tuple[RunSummary, ...]
    code: str
    blocked: str = ""
    checks: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class RunDetails:
    """One run and what it produced.

    ``started_at`` is in ISO format; ``notebook`` is the absolute path of the executed notebook, None where there is no
    such file.
    """

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
    materialization: MaterializationDetails | None
    code: str

    @property
    def is_live(self) -> bool:
        """Whether it is queued or running."""
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class DataPreview:
    """The beginning of a partition's data.

    ``kind`` is "table" (``columns``, their ``types``, ``rows`` of cells as text), "text" or "image" (``image`` is a
    PNG). ``description`` says what is shown, such as "100 rows, 2 columns; the first 50 and 2 are shown".
    """

    kind: str
    description: str
    code: str
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a run's log: the bytes from ``start`` up to and without ``end``, as text."""

    text: str
    start: int
    end: int
    code: str


@dataclass(frozen=True, slots=True)
class ExecutedCell:
    """A cell of an executed notebook: its type ("code", "markdown"), source, and outputs as text or as PNG bytes."""

    kind: str
    source: str
    outputs: tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class ExecutedNotebook:
    """The first cells of an executed notebook; ``omitted_cells`` more are not included."""

    cells: tuple[ExecutedCell, ...]
    omitted_cells: int


class NumberOption(Protocol):
    """A backfill option that a form has a field for: a whole number from ``least`` to ``most`` (None: no bound).

    The field is labelled ``label`` and has ``help`` as its tooltip. While it is empty it shows ``placeholder`` and
    means ``default``.
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


class RunActions(Protocol):
    """What is asked of runs. Each method raises an `NbpartError` with the reason where it cannot be done."""

    def read_run(self, run_id: str) -> RunDetails:
        """Return what is recorded about a run, and what it produced."""

    def read_executed_notebook(self, run_id: str) -> ExecutedNotebook:
        """Return the notebook that a run executed, with its outputs."""

    def read_curves(self, run_ids: Sequence[str], metric: str, *, by_time: bool, smoothing: float) -> CurveSet:
        """Return the curves of runs as they are drawn, as far as they have come.

        Of several metrics ``metric`` is drawn, or the first that there is. ``by_time`` is by seconds since the first
        point, else by step; ``smoothing`` is the weight of `curve_lines.smooth`.
        """

    def stop_run(self, run_id: str) -> str:
        """Ask a run to end early; return a sentence on what comes of it."""


class Actions(TriggerActions, RunActions, Protocol):
    """What widgets can do with a workspace."""

    @property
    def root(self) -> Path:
        """The workspace's folder. Relative paths in the catalog are relative to it."""

    @property
    def form_options(self) -> Sequence[NumberOption]:
        """The backfill options that a form has fields for, in order."""

    def plan(
        self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str], where: str = ""
    ) -> PlanSummary:
        """Return what a backfill would run, without running anything.

        ``selection`` are names of assets or terms such as ``+name``; ``keys`` None means every key; ``status`` are the
        statuses to run, or ``outdated`` or ``all``; ``where`` is a condition on the partitions, or "".
        """

    def describe_choice(self, selection: Sequence[str], keys: Sequence[str] | None, where: str) -> ChoiceSummary:
        """Return how many partitions are chosen, of the assets that ``selection`` names; nothing is planned.

        The arguments are those of `plan`. Raises an error for a condition that cannot be asked.
        """

    def list_columns(self, selection: Sequence[str]) -> Sequence[tuple[str, str]]:
        """The columns that a condition can ask of the assets of ``selection``, with the kind of their values."""

    def backfill(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        status: Sequence[str],
        options: Mapping[str, Any],
        where: str = "",
    ) -> ActionResult:
        """Start a backfill in the background of this process.

        The arguments are those of `plan`. ``options`` are by name; those left out have their default.
        """

    def cancel(self, backfill_id: str) -> ActionResult:
        """Ask a backfill of this process to end. Raises `NbpartError` where another process runs it."""

    def retry_failed(self, backfill_id: str) -> ActionResult:
        """Start a new backfill of the steps that failed or were blocked."""

    def resume(self, backfill_id: str) -> ActionResult:
        """Run the steps of a backfill that have no outcome yet."""

    def add_keys(self, partitions: str, keys: Sequence[KeyLike], columns: Mapping[str, Any]) -> ActionResult:
        """Add keys to a set of dynamic partitions; `ActionResult.keys` are those that were not in it before.

        ``columns`` are values of declared columns that all these keys get, those too that were there.
        """

    def add_grid(self, partitions: str, axes: Mapping[str, Sequence[Any]], columns: Mapping[str, Any]) -> ActionResult:
        """Add a key for every combination of the values of ``axes``, by name of parameter or the parent's column.

        ``columns`` are as in `add_keys`. `ActionResult.keys` are the first of those that were not in the set before.
        """

    def add_sample(self, partitions: str, n_points: int, seed: int | None, values: Mapping[str, Any]) -> ActionResult:
        """Add points that are drawn from the distributions of a set's parameters.

        With a seed these are the first of it, else points that are not in the set. ``values`` has what is not drawn, by
        name of parameter or the parent's column. `ActionResult.keys` are as in `add_grid`.
        """

    def remove_keys(
        self, partitions: str, keys: Sequence[KeyLike], *, delete_data: bool, reason: str, dry_run: bool
    ) -> VerbSummary:
        """Remove keys from a set of dynamic partitions; `VerbSummary.count` is the number of those that were in it.

        With ``delete_data`` all that runs left of them is deleted, in all assets; with ``dry_run`` it only says what
        would be done. ``reason`` stands in the history.
        """

    def accept(
        self, selection: Sequence[str], keys: Sequence[KeyLike] | None, where: str, *, reason: str, dry_run: bool
    ) -> VerbSummary:
        """Record partitions as current without a run; with ``dry_run`` only say what that would do.

        ``selection``, ``keys`` and ``where`` are those of `plan`; ``reason`` stands in the history of each partition.
        """

    def wipe(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        where: str,
        *,
        data: bool,
        reason: str,
        dry_run: bool,
    ) -> VerbSummary:
        """Make partitions missing; with ``data`` their files are deleted. The other arguments are those of `accept`."""

    def prune(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        where: str,
        *,
        keep: int,
        reason: str,
        dry_run: bool,
    ) -> VerbSummary:
        """Delete old files; the newest ``keep`` data and runs of each partition stay. ``count`` is 0 without any.

        The other arguments are those of `accept`.
        """

    def adopt(self, asset: str, path: str, *, version: str, reason: str, dry_run: bool) -> VerbSummary:
        """Make files that are there the data of an asset; without a ``path`` only say what one looks like.

        ``version`` is by what a file is told from another, ``hash`` or ``size+mtime``.
        """

    def explain_asset(self, asset: str) -> Sequence[str]:
        """Return why partitions of an asset are not up to date: a sentence, with their number, for each kind of cause.

        The sentence is that of the first of them.
        """

    def read_partition(self, asset: str, partition_key: str | None) -> PartitionDetails:
        """Return what is recorded about a partition, and its newest runs."""

    def read_log(self, run_id: str, after: int | None = None, max_bytes: int = 20_000) -> LogPart:
        """Return the end of a run's log, or what follows byte ``after``; at most the last ``max_bytes`` of it."""

    def preview_data(
        self, asset: str, partition_key: str | None, run_id: str | None = None, file: str | None = None
    ) -> DataPreview:
        """Return the beginning of a partition's data: the current data, or what the run ``run_id`` produced.

        ``file`` names one of several files that a run saved.
        """

    @property
    def code_checked_at(self) -> datetime | None:
        """When any process last looked for edited code; None if none ever did."""

    def refresh(self) -> ActionResult:
        """Look for changed source files and edited code on disk now, and register what changed."""

    def interrupt_dead_runs(self) -> None:
        """Record runs of processes that died as interrupted. Does nothing if that was checked in the last seconds."""
