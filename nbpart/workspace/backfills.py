"""A backfill that can be followed, and the list of them."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from nbpart.backfill.launch import Site, holder, start_backfill, status_of
from nbpart.backfill.options import Options
from nbpart.backfill.progress import follow
from nbpart.backfill.resume import find_record, load_unfinished, resume_backfill
from nbpart.backfill.runner import Runner
from nbpart.catalog import BackfillRecord, queries
from nbpart.errors import BackfillFailedError, DeclarationError, UnknownNameError, nearest
from nbpart.states import RunStatus, StepStatus

if TYPE_CHECKING:
    import pandas as pd


class Backfill:
    """A plan in execution, here or in another process, or one that ended."""

    def __init__(self, site: Site, backfill_id: str) -> None:
        self._site, self.id = site, backfill_id

    @property
    def status(self) -> str:
        """``running``, or how it ended: ``succeeded``, ``failed``, ``cancelled``, ``interrupted``."""
        return status_of(self._record)

    @property
    def is_running(self) -> bool:
        return self.status == RunStatus.RUNNING

    def counts(self) -> dict[str, int]:
        """How many steps have each status; every status of a step is a key."""
        number = self._record.backfill_no
        counts = self._site.catalog.read(lambda batch: queries.step_counts(batch, number))
        return {str(status): counts.get(str(status), 0) for status in StepStatus}

    def steps(self) -> pd.DataFrame:
        """One row a step: ``asset, partition_key, reason, status, run_id, cause``."""
        number = self._record.backfill_no
        return self._site.catalog.read(lambda batch: queries.steps_frame(batch, number))

    def wait(self, timeout_s: float | None = None, *, progress: bool = True) -> Backfill:
        """Wait for the end, with a progress bar; returns itself.

        An interrupt (Ctrl-C) ends the waiting, not the backfill: `cancel` does that. Raises `TimeoutError` after
        ``timeout_s`` seconds, and the error that stopped the backfill, if one did.
        """
        runner = self._runner
        if runner is None:
            self._wait_elsewhere(timeout_s)
            return self
        if not follow(runner, self.id, timeout_s, visible=progress):
            raise TimeoutError(f"backfill {self.id} still runs after {timeout_s} s; wait again, or cancel() it.")
        if runner.error is not None:
            raise runner.error
        return self

    def cancel(self) -> None:
        """Stop it: running kernels are ended, nothing new starts. Returns when it has ended."""
        runner = self._runner
        if runner is None:
            self._explain_not_here()
            return
        runner.cancel()
        runner.wait()

    def raise_for_failures(self) -> Backfill:
        """Raise `BackfillFailedError` if a step failed or was blocked; else returns itself."""
        counts = self.counts()
        bad = {s: counts[s] for s in ("failed", "blocked", "cancelled", "interrupted") if counts[s]}
        if bad:
            first = self._first_failure()
            told = ", ".join(f"{n} {status}" for status, n in bad.items())
            error = BackfillFailedError(
                f"backfill {self.id}: of {sum(counts.values())} steps {told}{first}. "
                "Look at .steps(), mend the cause, then .retry_failed()."
            )
            error.backfill_id = self.id
            raise error
        return self

    def retry_failed(self, **options: Any) -> Backfill:
        """A new backfill of the steps that failed or were blocked, with the code as it is registered now."""
        return self._again({StepStatus.FAILED, StepStatus.BLOCKED}, "failed", options)

    def resume(self, **options: Any) -> Backfill:
        """Go on with the steps that have no outcome, as the same backfill; returns at once.

        Takes the options of `Plan.run`; those not given are as before. Raises `DeclarationError` where it still runs.
        """
        resume_backfill(self._site, self.id, **options)
        return self

    def _again(self, statuses: Collection[StepStatus], what: str, options: Mapping[str, Any]) -> Backfill:
        record = self._record
        merged = Options.from_json(record.options, **options)
        number = record.backfill_no
        registry, steps, _ = self._site.catalog.read(lambda batch: load_unfinished(batch, number, statuses))
        return Backfill(self._site, start_backfill(self._site, registry, steps, f"{what} of {self.id}", merged, None))

    @property
    def _runner(self) -> Runner | None:
        return self._site.runners.get(self.id)

    @property
    def _record(self) -> BackfillRecord:
        return self._site.catalog.read(lambda batch: find_record(batch, self.id))

    def _wait_elsewhere(self, timeout_s: float | None) -> None:
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self.is_running:
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"backfill {self.id} still runs elsewhere after {timeout_s} s.")
            time.sleep(0.3)

    def _explain_not_here(self) -> None:
        record = self._record
        if status_of(record) == RunStatus.RUNNING:
            raise DeclarationError(f"backfill {self.id} runs in {holder(record)}; cancel it there (Ctrl-C).")

    def _first_failure(self) -> str:
        steps = self.steps()
        failed = steps[steps["status"] == "failed"]
        if failed.empty:
            return ""
        row = failed.iloc[0]
        place = row.asset if row.partition_key is None else f"{row.asset}/{row.partition_key}"
        return f"; the first is {place} ({row.cause})"

    def __repr__(self) -> str:
        told = ", ".join(f"{n} {status}" for status, n in self.counts().items() if n)
        return f"<Backfill {self.id} {self.status}: {told or 'no steps'}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import backfill_html

        return backfill_html(self.id, self._record.selection, self.status, self.counts())


class Backfills(Mapping[str, Backfill]):
    """The backfills of a workspace by id, oldest first."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def frame(self) -> pd.DataFrame:
        """One row a backfill, newest first."""
        return self._site.catalog.read(queries.backfills_frame)

    def __getitem__(self, backfill_id: str) -> Backfill:
        if self._site.catalog.read(lambda batch: queries.find_backfill(batch, backfill_id)) is None:
            raise UnknownNameError(f"there is no backfill {backfill_id!r}; {nearest(backfill_id, self)}")
        return Backfill(self._site, backfill_id)

    def __iter__(self) -> Any:
        return iter(list(self.frame["backfill_id"])[::-1])

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<{len(self)} backfills>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import frame_html

        return frame_html(self.frame.head(50))
