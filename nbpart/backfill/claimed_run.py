"""A claimed run, and what else can become of a step that was to be claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nbpart.catalog import InputRead
from nbpart.partitions import PartitionRef
from nbpart.run.spec import InputSpec
from nbpart.states import StepStatus
from nbpart.storage import place_run


@dataclass(frozen=True)
class ClaimedRun:
    """The run of a step that this backfill has claimed, at one of its attempts.

    ``step`` is its number in the schedule. ``shared_stem`` is the stem of the notebook and log of a run of many.
    """

    step: int
    run_no: int
    run_id: str
    asset: str
    key: str | None
    inputs: Mapping[str, InputSpec]
    reads: Sequence[InputRead]
    code_version: str
    attempt: int = 1
    shared_stem: str | None = None

    @property
    def partition(self) -> PartitionRef:
        return PartitionRef(self.asset, self.key)

    @property
    def label(self) -> str:
        return self.partition.label

    @property
    def stem(self) -> str:
        """Name of its files: ``<asset>/<safe key>/<run id>-<attempt>``."""
        return place_run(self.partition, self.run_id, self.attempt)

    @property
    def record_stem(self) -> str:
        """Name of its notebook and log."""
        return self.shared_stem or self.stem

    def next_attempt(self) -> ClaimedRun:
        return replace(self, attempt=self.attempt + 1, shared_stem=None)


@dataclass(frozen=True)
class RefusedStep:
    """A step that cannot run, and why."""

    step: int
    status: StepStatus
    cause: str
    label: str


@dataclass(frozen=True)
class OtherRun:
    """A step whose partition a run of another backfill has, or had since the plan was made.

    ``counts_here``: whether its outcome is that of the step too, since this backfill gives it no settings of its own.
    """

    step: int
    run_no: int
    label: str
    counts_here: bool = True


@dataclass
class Claims:
    """What became of the steps that were to be claimed.

    ``followed``: another backfill runs them now; ``made``: one has made them since this one was planned; ``removed``:
    steps whose key is gone.
    """

    runs: list[ClaimedRun] = field(default_factory=list)
    followed: list[OtherRun] = field(default_factory=list)
    made: list[OtherRun] = field(default_factory=list)
    refused: list[RefusedStep] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)


def gather(runs: Sequence[ClaimedRun]) -> list[ClaimedRun]:
    """The runs of one asset as those of one run of many, which is named after the first of them."""
    stem = f"{runs[0].asset}/_bulk/{runs[0].run_id}-many-{runs[0].attempt}"
    return [replace(run, shared_stem=stem) for run in runs]
