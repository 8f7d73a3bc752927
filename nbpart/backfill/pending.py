"""What a backfill has still to record: attempts that began, how attempts ended, and what became of steps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.claimed_run import ClaimedRun
from nbpart.backfill.claims import start_attempts
from nbpart.backfill.notes import Notes
from nbpart.backfill.results import refuse
from nbpart.catalog import Batch, Outcome, events

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")


class Pending:
    """Gathers what the next transaction records; `record` leaves it as it is, since a transaction may come to nothing.

    ``numbers`` are the numbers of all steps in the catalog.
    """

    def __init__(self, backfill_no: int, numbers: NDArray[np.int64]) -> None:
        self._backfill_no, self._numbers = backfill_no, numbers
        self.started: list[tuple[ClaimedRun, datetime]] = []
        self.outcomes: list[Outcome] = []
        self.notes = Notes(numbers)
        self._reports: set[Path] = set()

    def add(self, outcome: Outcome, report: Path) -> None:
        """Record the outcome of a run, and then remove its ``report`` file."""
        self.outcomes.append(outcome)
        self._reports.add(report)

    def ended_runs(self) -> list[int]:
        """The numbers of the runs whose final outcomes are to be recorded."""
        return [outcome.run_no for outcome in self.outcomes if outcome.final]

    def record(self, batch: Batch) -> None:
        start_attempts(batch, self.started)
        if self.outcomes:
            events.record_outcomes(batch, self.outcomes)
        if self.notes:
            events.record_step_results(batch, self._backfill_no, self.notes.to_frame())

    def record_apart(self, write: Callable[[Callable[[Batch], None]], None]) -> Iterator[tuple[Outcome, Outcome]]:
        """Record the outcomes one by one, each by a ``write`` of its own: what cannot be recorded takes only itself.

        In its place a failure is recorded that says why; of each of these what was and what is recorded is yielded.
        The results of steps stay to be recorded.
        """
        write(lambda batch: start_attempts(batch, self.started))
        self.started.clear()
        while self.outcomes:
            outcome = self.outcomes[0]
            try:
                write(lambda batch, one=outcome: events.record_outcomes(batch, [one]))  # type: ignore[misc]
            except OSError:  # no room, or out of reach: that is no fault of the outcome
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is about, it is about this one
                refused = refuse(outcome, error)
                write(lambda batch, one=refused: events.record_outcomes(batch, [one]))  # type: ignore[misc]
                log.error("%s, run %d, attempt %d", refused.report.error_message, refused.run_no, refused.attempt)
                yield outcome, refused
            del self.outcomes[0]

    def remove_reports(self) -> None:
        """Remove the report files of what is recorded now."""
        for path in self._reports:
            path.unlink(missing_ok=True)
        self._reports.clear()

    def clear(self) -> None:
        """Begin anew: everything was recorded."""
        self.started, self.outcomes = [], []
        self.notes = Notes(self._numbers)
