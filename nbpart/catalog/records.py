"""Records that are written to the catalog or read from it; all are frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbpart.assets.definition import Input
from nbpart.partitions import Parameters, PartitionsDefinition
from nbpart.run.check_result import CheckResult
from nbpart.run.report import RecordedEnding, RunReport
from nbpart.states import DataState, PartitionStatus, RunStatus, TickOutcome, TriggerKind, Verb
from nbpart.storage.file_record import FileRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SetRecord:
    """A set of partition keys; `version` is the sequence of its last change of membership.

    That of unpartitioned assets has no name and no definition."""

    set_id: int
    name: str
    kind: str
    definition: PartitionsDefinition | None
    version: int
    created_at: datetime

    @property
    def parameters(self) -> Parameters | None:
        """The parameters that make its keys."""
        return self.definition.parameters if self.definition else None


@dataclass(frozen=True, slots=True)
class KeysAdded:
    """The result of adding keys: ``new`` were not in the set, ``returned`` of these had been in it before.

    ``key_ids`` has the id of each key that was given, each once and in their order.
    """

    new: list[str]
    returned: list[str]
    key_ids: NDArray[np.int64] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AssetRow:
    """An asset or source to register, with what it reads."""

    name: str
    kind: str
    set_id: int
    code_version: str | None
    definition: Mapping[str, Any]
    dependencies: Sequence[Input] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered asset, with the code version that it had before (None: it is new)."""

    asset_id: int
    before: str | None


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """A registered asset or source."""

    asset_id: int
    name: str
    kind: str
    active: bool
    set_id: int
    set_name: str
    code_version: str | None
    definition: dict[str, Any]
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord(RecordedEnding):
    """A run with the outcome of its last attempt; `status` is that of the run, also where the attempt has not ended.

    `settings` are those that its backfill overrode, `partitions` is the definition of its set."""

    run_no: int
    run_id: str
    asset: str
    partition_key: str | None
    attempt: int
    backfill_id: str | None
    started_at: datetime | None
    notebook: str | None
    log: str | None
    code_version: str | None
    settings: dict[str, Any]
    process: str | None
    partitions: PartitionsDefinition | None


@dataclass(frozen=True, slots=True)
class InputRead:
    """What a run read of one input.

    `argument` is the name under which it was read. `key_id` is that of the only key that `same` and `whole` give, and
    None for other mappings: `data_hash` is then the order-free hash over the `n` keys that had data, and `position` the
    sequence at which they were read. A missing single input has `n` 0 and `data_hash` None. `lacking` are the ids of
    keys without data, where the asset goes on without them, `taken` of those read, where new ones are ignored.
    """

    input_id: int
    argument: str
    key_id: int | None
    n: int
    data_hash: int | None
    position: int | None = None
    lacking: Sequence[int] | None = None
    taken: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class DataObservation:
    """The state of the files of a materialization; `reason` says what happened to them where it is not good."""

    materialization_id: int
    state: DataState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VerbEvent:
    """What ``person`` does to partitions, and the ``reason`` that was given, "" without one."""

    verb: Verb
    person: str
    reason: str = ""

    def describe(self, at: datetime) -> str:
        """``wiped on 2026-03-01 10:02 by ana: a bad batch``, in UTC."""
        said = f"{self.verb} on {at.astimezone(UTC):%Y-%m-%d %H:%M} by {self.person}"
        return f"{said}: {self.reason}" if self.reason else said


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report of an attempt with what else is recorded of it; `final` is False where another attempt follows.

    `inputs` is what it read, `data_observations` the states of data that it found deleted or damaged. The
    `code_version` is that of the run where it is None.
    """

    report: RunReport
    final: bool
    inputs: Sequence[InputRead] = ()
    code_version: str | None = None
    data_observations: Sequence[DataObservation] = ()

    @property
    def run_no(self) -> int:
        assert self.report.run_no is not None, "only a run that the catalog numbered has an outcome"
        return self.report.run_no

    @property
    def attempt(self) -> int:
        return self.report.attempt

    @property
    def status(self) -> RunStatus:
        return self.report.status


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check said of the data of one partition; ``run_no`` is that of the run that made it, None without one."""

    asset_id: int
    key_id: int
    materialization_id: int
    data_hash: int
    result: CheckResult
    run_no: int | None = None


@dataclass(frozen=True, slots=True)
class MaterializationRecord:
    """A materialization with its files; an observation of a source has no run."""

    materialization_id: int
    asset_id: int
    key_id: int
    run_no: int | None
    run_id: str | None
    code_version: str | None
    data_version: str | None
    materialized_at: datetime
    duration_s: float | None
    rows: int | None
    bytes: int | None
    files: tuple[FileRecord, ...]


@dataclass(frozen=True, slots=True)
class CoordinatorRecord:
    """A process that ran backfills; it lives as long as it holds the lock on its file, of which `lock` is the name."""

    coordinator_no: int
    host: str
    pid: int
    lock: str
    purpose: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of the catalog: the number of its last commit, and the time at which it was read."""

    sequence: int
    now: datetime


@dataclass(frozen=True, slots=True)
class BackfillRecord:
    """A backfill; `status` is the kind of its last event, and `coordinator` the process that last worked on it.

    `planned` is when its plan was made, `cancelling` says that it was asked to end and has not yet.
    """

    backfill_no: int
    backfill_id: str
    selection: str
    options: dict[str, Any]
    steps: int
    status: str
    created_at: datetime
    changed_at: datetime
    coordinator: CoordinatorRecord | None
    planned: Moment | None = None
    cancelling: bool = False


@dataclass(frozen=True, slots=True)
class TriggerRecord:
    """A registered trigger; ``changed_at`` is when its definition changed last, or when it was turned on."""

    trigger_id: int
    name: str
    kind: TriggerKind
    active: bool
    is_on: bool
    definition: dict[str, Any]
    cursor: str | None
    registered_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class HookRecord:
    """A function that is told of an event, ``failure`` or ``late``."""

    name: str
    event: str
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TickRecord:
    """A look of a trigger, to be recorded: what came of it, and how much.

    ``requested`` and ``dropped`` count requests for runs; ``message`` has sentences for a person, ``printed`` what its
    function printed. ``happened_at`` is when it began, None for the time of the batch.
    """

    trigger_id: int
    outcome: TickOutcome
    happened_at: datetime | None = None
    duration_s: float | None = None
    added: int = 0
    removed: int = 0
    requested: int = 0
    dropped: int = 0
    message: str = ""
    error: str | None = None
    traceback: str | None = None
    printed: str | None = None


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """The partitions of one asset in member order: ids (int64), `expressions.STATUS_CODES`, stale bits."""

    key_ids: NDArray[np.int64]
    status: NDArray[np.uint8]
    stale: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CellFacts:
    """Partitions that were touched, a place of each array a partition: ids, `expressions.STATUS_CODES`, a value.

    `values` is empty where none was asked for; one that is not known is nan.
    """

    asset_ids: NDArray[np.int32]
    key_ids: NDArray[np.int64]
    status: NDArray[np.uint8]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """One partition: the run that its status is about, and its current data.

    ``blocked`` says why the last backfill could not run it, "" where it could; ``checks`` what each check says of its
    data: name, outcome, and more in a few words.
    """

    key: str | None
    status: PartitionStatus
    run: RunRecord | None
    materialized_at: datetime | None
    duration_s: float | None
    rows: int | None
    bytes: int | None
    metrics: Mapping[str, int | float | bool | str]
    blocked: str = ""
    checks: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A partition whose stored facts differ from its events, or that shares data with another partition.

    Shared data is mended by running the partition again, everything else by `repair`.
    """

    asset: str
    partition_key: str | None
    column: str
    recorded: Any
    rebuilt: Any
    is_shared: bool = False
