"""The transaction of one turn of a backfill: results are recorded, and the steps that may start next are claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbpart.backfill.claimed_run import ClaimResults
from nbpart.backfill.claims import claim_steps
from nbpart.backfill.followed_runs import EndedRun, find_ended
from nbpart.backfill.growth import Grower, Growth
from nbpart.backfill.job import Job
from nbpart.backfill.pending import PendingRecords
from nbpart.backfill.places import Claimant, find_waiting, share_places
from nbpart.backfill.registry import StepToClaim
from nbpart.backfill.source_observation import SourceObservations, record_observed
from nbpart.backfill.state_machine import BackfillState
from nbpart.catalog import Batch, events, queries


@dataclass
class TurnResult:
    """What the transaction of one turn did and read.

    ``ended`` has the runs of other backfills that ended, by number; ``cancelling``: somebody asked for the end;
    ``waits``: the catalog says that it waits for places; ``growth`` are steps that came to the backfill.
    """

    sequence: int
    cancelling: bool
    claims: ClaimResults = field(default_factory=ClaimResults)
    ended: dict[int, EndedRun] = field(default_factory=dict)
    waits: bool = False
    growth: Growth | None = None


@dataclass(frozen=True)
class TurnTransaction:
    """The work of one turn's transaction. It changes nothing but the catalog, since it may be run again.

    ``steps`` are to be claimed, with those that a ``grower`` was asked for, which it records. ``follows``: whether to
    read which runs of other backfills have ended; ``waits``: the catalog says that the backfill waits for places.
    """

    root: Path
    job: Job
    coordinator_no: int
    claimant: Claimant
    state: BackfillState
    pending: PendingRecords
    steps: Sequence[StepToClaim]
    observed: SourceObservations
    grower: Grower | None
    follows: bool
    waits: bool

    def run(self, batch: Batch) -> TurnResult:
        job = self.job
        self.pending.record(batch)
        result = TurnResult(sequence=batch.sequence, cancelling=queries.is_cancelling(batch, job.backfill_no))
        if self.follows:
            result.ended = find_ended(batch, job.registry, self.state.followed)
        for node, changed in self.observed.changed:
            record_observed(batch, node, changed)
        queued = [one for one in self.steps if self.state.is_queued(one.step)]
        if self.grower is not None:
            result.growth = self.grower.record(batch)
            more = job.extend(result.growth.steps, result.growth.numbers)
            queued += [more.get_step_to_claim(step) for step in range(len(job.steps), len(more.steps))]
        queued, held = share_places(batch, job.registry, self.claimant, queued)
        if queued:
            result.claims = self._claim(batch, queued)
        result.claims.held = [one.step for one in held]
        if (names := {*self.state.held, *(one.asset for one in held)}) or self.waits:
            is_full = self.state.in_pool + len(result.claims.runs) >= self.state.enough_in_pool
            # who has no worker to spare keeps no place free
            waiting = [] if is_full else find_waiting(batch, job.registry, self.claimant, names)
            events.record_place_waits(batch, job.backfill_no, self.coordinator_no, waiting)
            result.waits = bool(waiting)
        return result

    def _claim(self, batch: Batch, queued: Sequence[StepToClaim]) -> ClaimResults:
        job = self.job
        return claim_steps(
            batch,
            self.root,
            job.registry,
            job.backfill_no,
            self.coordinator_no,
            queued,
            {asset: job.overrides(asset) for asset in {one.asset for one in queued}},
            self.observed.unreadable,
        )
