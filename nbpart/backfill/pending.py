"""What a backfill still has to record: attempts that began, outcomes of attempts, and results of steps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.claimed_run import ClaimedRun
from nbpart.backfill.claims import start_attempts
from nbpart.backfill.results import replace_refused
from nbpart.backfill.step_results import StepResults
from nbpart.catalog import Batch, Outcome, events

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")


class PendingRecords:
    """Collects what the next transaction records, until `clear` says that it was committed.

    ``numbers`` has the number in the catalog of each step of the schedule (int64).
    """

    def __init__(self, backfill_no: int, numbers: NDArray[np.int64]) -> None:
        self._backfill_no, self._numbers = backfill_no, numbers
        self.started: list[tuple[ClaimedRun, datetime]] = []
        self.outcomes: list[Outcome] = []
        self.step_results = StepResults(numbers)
        self._reports: set[Path] = set()

    def extend(self, numbers: NDArray[np.int64]) -> None:
        """Have the schedule more steps, with these numbers in the catalog."""
        self._numbers = np.concatenate((self._numbers, numbers))
        self.step_results.extend(numbers)

    def add(self, outcome: Outcome, report: Path) -> None:
        """Have an outcome recorded, and its ``report`` file removed after that."""
        self.outcomes.append(outcome)
        self._reports.add(report)

    def ended_runs(self) -> list[int]:
        """The numbers of the runs whose final outcomes are to be recorded."""
        return [outcome.run_no for outcome in self.outcomes if outcome.final]

    def record(self, batch: Batch) -> None:
        """Record everything; nothing is forgotten, since the transaction may still be rolled back."""
        start_attempts(batch, self.started)
        if self.outcomes:
            events.record_outcomes(batch, self.outcomes)
        if self.step_results:
            events.record_step_results(batch, self._backfill_no, self.step_results.to_table())

    def record_one_by_one(self, write: Callable[[Callable[[Batch], None]], None]) -> Iterator[tuple[Outcome, Outcome]]:
        """Record the attempts that began, then each outcome by a ``write`` of its own, and forget them.

        For an outcome that cannot be recorded a failure that says why is recorded in its place, and both are yielded:
        (the outcome, the failure). The results of steps are left to be recorded. Raises `OSError` where the catalog
        itself cannot be written.
        """
        write(lambda batch: start_attempts(batch, self.started))
        self.started.clear()
        while self.outcomes:
            outcome = self.outcomes[0]
            try:
                write(lambda batch, one=outcome: events.record_outcomes(batch, [one]))  # type: ignore[misc]
            except OSError:  # the disk is full, or out of reach: not because of this outcome
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this outcome alone
                refused = replace_refused(outcome, error)
                write(lambda batch, one=refused: events.record_outcomes(batch, [one]))  # type: ignore[misc]
                log.error("%s, run %d, attempt %d", refused.report.error_message, refused.run_no, refused.attempt)
                yield outcome, refused
            del self.outcomes[0]

    def remove_reports(self) -> None:
        """Remove the report files of the outcomes, which are recorded now."""
        for path in self._reports:
            path.unlink(missing_ok=True)
        self._reports.clear()

    def clear(self) -> None:
        """Forget everything: it was recorded."""
        self.started, self.outcomes = [], []
        self.step_results = StepResults(self._numbers)
