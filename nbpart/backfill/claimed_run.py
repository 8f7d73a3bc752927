"""The results of claiming steps: a run of this backfill, a run of another backfill, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbpart.catalog import InputRead
from nbpart.partitions import PartitionRef
from nbpart.run.spec import InputSpec
from nbpart.states import StepStatus
from nbpart.storage import place_run


@dataclass(frozen=True)
class ClaimedRun:
    """One attempt of a run that this backfill has claimed for a step.

    ``step`` is the step's number in the schedule, ``attributes`` are the columns that its key does not spell.
    ``shared_stem`` is the path of the notebook and log, without suffix, of a run that makes many partitions; None for a
    run of one partition.
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
    attributes: Mapping[str, Any] = field(default_factory=dict)
    shared_stem: str | None = None

    @property
    def partition(self) -> PartitionRef:
        return PartitionRef(self.asset, self.key)

    @property
    def label(self) -> str:
        return self.partition.label

    @property
    def stem(self) -> str:
        """The path of its files below ``data/`` and ``runs/``, without suffix: ``<asset>/<safe key>/<run id>-<n>``."""
        return place_run(self.partition, self.run_id, self.attempt)

    @property
    def record_stem(self) -> str:
        """The path of its notebook and log below ``runs/``, without suffix."""
        return self.shared_stem or self.stem

    def next_attempt(self) -> ClaimedRun:
        return replace(self, attempt=self.attempt + 1, shared_stem=None)


@dataclass(frozen=True)
class RefusedStep:
    """A step that cannot run; ``cause`` says why, ``label`` names its partition for a message."""

    step: int
    status: StepStatus
    cause: str
    label: str


@dataclass(frozen=True)
class OtherRun:
    """A step whose partition a run of another backfill makes now, or made after this plan was made.

    ``counts_here``: whether the outcome of that run is also the outcome of the step. It is not where this backfill
    gives the step settings of its own.
    """

    step: int
    run_no: int
    label: str
    counts_here: bool = True


@dataclass
class ClaimResults:
    """The steps of one call of `claim_steps`, by result.

    ``runs``: claimed by this backfill; ``followed``: another backfill runs them now; ``already_made``: a run of another
    backfill made them after this one was planned; ``refused``: they cannot run; ``removed``: their key is gone;
    ``held``: others have all places that the limits of the workspace leave.
    """

    runs: list[ClaimedRun] = field(default_factory=list)
    followed: list[OtherRun] = field(default_factory=list)
    already_made: list[OtherRun] = field(default_factory=list)
    refused: list[RefusedStep] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)


def combine_runs(runs: Sequence[ClaimedRun]) -> list[ClaimedRun]:
    """The same runs, of one asset, with one notebook and log for all of them, named after the first."""
    stem = f"{runs[0].asset}/_bulk/{runs[0].run_id}-many-{runs[0].attempt}"
    return [replace(run, shared_stem=stem) for run in runs]
