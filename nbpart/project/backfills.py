"""Backfills as a user holds them: one that can be followed, cancelled and resumed, and all of a workspace by id."""

from __future__ import annotations

import contextlib
import enum
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nbpart.backfill.progress import ProgressSource, show_progress
from nbpart.backfill.runner import Runner
from nbpart.catalog import BackfillRecord, Batch, events, queries
from nbpart.errors import BackfillFailedError, CatalogError, UnknownNameError, nearest
from nbpart.partitions import PartitionRef
from nbpart.project.launch import derive_status, describe_waiting, find_backfill
from nbpart.project.project import Project
from nbpart.project.resume import check_changed_options, explain_nothing_to_resume, resume_backfill, retry_backfill
from nbpart.run.pruners import Pruner
from nbpart.states import LIVE_BACKFILL, RETRYABLE, UNSUCCESSFUL, BackfillStatus, StepStatus

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")

#: How often the status of a backfill of another process is read, in seconds.
POLL_S = 0.3


class AsBefore(enum.Enum):
    """The type of `AS_BEFORE`, the default of options that keep the value which the backfill was started with."""

    AS_BEFORE = enum.auto()

    def __repr__(self) -> str:
        return "as before"


AS_BEFORE: Final = AsBefore.AS_BEFORE


class Backfill:
    """A backfill that runs, here or in another process, or that ended."""

    def __init__(self, project: Project, backfill_id: str) -> None:
        self._project, self.id = project, backfill_id

    @property
    def status(self) -> str:
        """Its status: ``requested`` (asked for, without a plan yet), ``queued``, ``running``, ``cancelling``,
        ``succeeded``, ``failed``, ``cancelled``, ``interrupted``."""
        record = self._record
        status = derive_status(self._project, record)
        return BackfillStatus.CANCELLING if status == BackfillStatus.RUNNING and record.cancelling else status

    @property
    def is_running(self) -> bool:
        """Whether any process runs it, or it waits for the process that was started for it."""
        return self.status in LIVE_BACKFILL

    def counts(self) -> dict[str, int]:
        """The number of steps by status; every status of a step is a key."""
        number = self._record.backfill_no
        counts = self._project.read(lambda batch: queries.step_counts(batch, number))
        return {str(status): counts.get(str(status), 0) for status in StepStatus}

    def steps(self) -> pd.DataFrame:
        """One row a step: ``asset, partition_key, reason, status, run_id, cause``."""
        number = self._record.backfill_no
        return self._project.read(lambda batch: queries.steps_frame(batch, number))

    def bad_checks(self) -> pd.DataFrame:
        """What its runs made that does not pass a check, failures first: a check and partition a row.

        Columns: ``asset, partition_key, check, outcome`` (failed or warned), ``message``, ``blocks`` (whether what
        reads the partition is held back).
        """
        number = self._record.backfill_no
        return self._project.read(lambda batch: queries.load_bad_checks(batch, number))

    def wait(self, timeout_s: float | None = None, *, progress: bool = True) -> Backfill:
        """Wait until it has ended, with a progress bar; returns itself.

        An interrupt (Ctrl-C) ends the waiting, not the backfill: `cancel` does that. Raises `TimeoutError` where it has
        not ended after ``timeout_s`` seconds, and the error that stopped the backfill, if one did; failed steps raise
        nothing.
        """
        runner = self._runner
        source = ProgressSource(runner.counts, runner.wait) if runner is not None else self._watch_other_process()
        if not show_progress(source, self.id, timeout_s, visible=progress):
            raise TimeoutError(f"backfill {self.id} still runs after {timeout_s} s; wait again, or cancel() it.")
        if runner is not None and runner.error is not None:
            raise runner.error
        return self

    def cancel(self, timeout_s: float | None = None) -> None:
        """Stop it, in whatever process it runs, and wait for its end: running kernels are ended, nothing new starts.

        Raises `TimeoutError` where it has not ended after ``timeout_s`` seconds; it goes on being cancelled.
        """
        runner = self._runner
        if runner is not None:
            runner.cancel()
            with contextlib.suppress(CatalogError):  # it ends anyhow; this only shows others that it will
                self._project.catalog.write(self._record_cancelling)
            ended = runner.wait(timeout_s)
        else:
            self._project.coordinator.reap()
            self._project.catalog.write(self._record_cancelling)
            ended = show_progress(self._watch_other_process(), self.id, timeout_s, visible=False)
        if not ended:
            raise TimeoutError(f"backfill {self.id} was asked to end and has not after {timeout_s} s; ask again.")

    def raise_for_failures(self) -> Backfill:
        """Raise `BackfillFailedError` if a step failed, was blocked, cancelled or interrupted; else returns itself."""
        counts = self.counts()
        unsuccessful = ", ".join(f"{counts[status]} {status}" for status in UNSUCCESSFUL if counts[status])
        if unsuccessful:
            first = self._describe_first_failure()
            error = BackfillFailedError(
                f"backfill {self.id}: of {sum(counts.values())} steps {unsuccessful}{first}. "
                "Look at .steps(), mend the cause, then .retry_failed()."
            )
            error.backfill_id = self.id
            raise error
        return self

    def retry_failed(  # noqa: PLR0913
        self,
        *,
        max_workers: int | AsBefore | None = AS_BEFORE,
        retries: int | AsBefore | None = AS_BEFORE,
        settings: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        secrets: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        timeout_s: float | AsBefore | None = AS_BEFORE,
        backoff_s: float | AsBefore | None = AS_BEFORE,
        limits: Mapping[str, int] | AsBefore | None = AS_BEFORE,
        keep_failed_kernels: int | AsBefore = AS_BEFORE,
        keep_kernels: int | AsBefore = AS_BEFORE,
        policy: str | AsBefore = AS_BEFORE,
        pruner: Pruner | AsBefore | None = AS_BEFORE,
        stop_after: int | AsBefore | None = AS_BEFORE,
        order: str | AsBefore | None = AS_BEFORE,
    ) -> Backfill:
        """Start a new backfill of the steps that failed or were blocked, with the code as it is now, and return it.

        Takes the options of `Plan.run`; those not given are as before. A step that succeeded in another backfill
        meanwhile is not run again. Where no step failed or was blocked nothing starts: that is logged, and itself is
        returned.
        """
        self._project.check_trust()
        given = _drop_unchanged(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            keep_kernels=keep_kernels,
            policy=policy,
            pruner=pruner,
            stop_after=stop_after,
            order=order,
        )
        options = check_changed_options(self._project, self.id, given)
        backfill_id = retry_backfill(self._project, self.id, **options)
        if backfill_id is None:
            log.info("%s", self.explain_nothing_to_retry())
            return self
        return Backfill(self._project, backfill_id)

    def resume(  # noqa: PLR0913
        self,
        *,
        max_workers: int | AsBefore | None = AS_BEFORE,
        retries: int | AsBefore | None = AS_BEFORE,
        settings: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        secrets: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        timeout_s: float | AsBefore | None = AS_BEFORE,
        backoff_s: float | AsBefore | None = AS_BEFORE,
        limits: Mapping[str, int] | AsBefore | None = AS_BEFORE,
        keep_failed_kernels: int | AsBefore = AS_BEFORE,
        keep_kernels: int | AsBefore = AS_BEFORE,
        policy: str | AsBefore = AS_BEFORE,
        pruner: Pruner | AsBefore | None = AS_BEFORE,
        stop_after: int | AsBefore | None = AS_BEFORE,
        order: str | AsBefore | None = AS_BEFORE,
    ) -> Backfill:
        """Run the steps that have no outcome, as part of this backfill; returns itself at once, without waiting.

        Takes the options of `Plan.run`; those not given are as before. A partition that was materialized since the plan
        is not run again. Where no step is left nothing starts and the status stays: that is logged, with what to do
        instead. Raises `DeclarationError` where it still runs.
        """
        self._project.check_trust()
        given = _drop_unchanged(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            keep_kernels=keep_kernels,
            policy=policy,
            pruner=pruner,
            stop_after=stop_after,
            order=order,
        )
        options = check_changed_options(self._project, self.id, given)
        if explanation := self.explain_nothing_to_resume():
            log.info("%s", explanation)
        else:
            resume_backfill(self._project, self.id, **options)
        return self

    def check_options(self, given: Mapping[str, Any]) -> None:
        """Raise `DeclarationError` where `resume` would refuse one of these options, which are given by name.

        Also where nothing is left to resume.
        """
        check_changed_options(self._project, self.id, given)

    def explain_nothing_to_resume(self) -> str:
        """Why `resume` would do nothing, and what to do instead, as a sentence; "" where it would run something."""
        return self._project.read(lambda batch: explain_nothing_to_resume(batch, find_backfill(batch, self.id)))

    def explain_nothing_to_retry(self) -> str:
        """Why `retry_failed` would do nothing, as a sentence; "" where it would start a backfill."""
        counts = self.counts()
        if any(counts[status] for status in RETRYABLE):
            return ""
        return f"backfill {self.id} has no step that failed or was blocked, so there is nothing to retry."

    @property
    def _runner(self) -> Runner | None:
        return self._project.runners.get(self.id)

    @property
    def _record(self) -> BackfillRecord:
        return self._project.read(lambda batch: find_backfill(batch, self.id))

    def _record_cancelling(self, batch: Batch) -> None:
        """Ask the process that runs it to cancel it, or record it as cancelled where no process has it."""
        record = find_backfill(batch, self.id)
        if derive_status(self._project, record) == BackfillStatus.RUNNING:
            events.ask_to_cancel(batch, record.backfill_no)
        elif record.status in (BackfillStatus.QUEUED, BackfillStatus.REQUESTED):
            events.finish_backfill(batch, record.backfill_no, str(BackfillStatus.CANCELLED))

    def _watch_other_process(self) -> ProgressSource:
        """The progress of a backfill that another process runs, from the catalog, read only when that changed."""
        seen: dict[StepStatus, int] = {}
        at = -1

        def counts() -> Mapping[StepStatus, int]:
            nonlocal at, seen
            if (now := self._project.catalog.sequence()) != at:
                at, seen = now, {StepStatus(status): n for status, n in self.counts().items()}
            return seen

        def wait(timeout_s: float | None) -> bool:
            time.sleep(min(timeout_s or POLL_S, POLL_S))
            return not self.is_running

        return ProgressSource(counts, wait)

    def _describe_first_failure(self) -> str:
        """The first failed step and its cause, else the first blocked one, as the end of a sentence; "" without one."""
        steps = self.steps()
        unsuccessful = steps[steps["status"].isin(RETRYABLE) & steps["cause"].notna()]
        if unsuccessful.empty:
            return ""
        is_blocked = unsuccessful["status"] != StepStatus.FAILED
        row = unsuccessful.loc[is_blocked.sort_values(kind="stable").index].iloc[0]
        label = PartitionRef(row.asset, row.partition_key).label
        return f"; the first is {label} ({row.cause})"

    def __repr__(self) -> str:
        record = self._record
        if record.status == BackfillStatus.REQUESTED:
            return f"<Backfill {self.id} {record.status}: {describe_waiting(record)}>"
        counts = ", ".join(f"{n} {status}" for status, n in self.counts().items() if n)
        return f"<Backfill {self.id} {self.status}: {counts or 'no steps'}>"

    def _ipython_display_(self) -> None:
        """Show the live monitor in a notebook, and the repr elsewhere."""
        from IPython import get_ipython

        if self._project.show_backfill is None or getattr(get_ipython(), "kernel", None) is None:
            print(repr(self))
        else:
            self._project.show_backfill(self.id)._ipython_display_()

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import backfill_html

        return backfill_html(self.id, self._record.selection, self.status, self.counts())


def _drop_unchanged(**options: Any) -> dict[str, Any]:
    """The options without those that stay as before."""
    return {name: value for name, value in options.items() if value is not AS_BEFORE}


class Backfills(Mapping[str, Backfill]):
    """The backfills of a workspace by id, oldest first."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def frame(self) -> pd.DataFrame:
        """One row a backfill, newest first: ``backfill_id, selection, status, steps, created_at, changed_at``."""
        return self._project.read(queries.backfills_frame)

    def __getitem__(self, backfill_id: str) -> Backfill:
        if self._project.read(lambda batch: queries.find_backfill(batch, backfill_id)) is None:
            raise UnknownNameError(f"there is no backfill {backfill_id!r}; {nearest(backfill_id, self)}")
        return Backfill(self._project, backfill_id)

    def __iter__(self) -> Any:
        return iter(list(self.frame["backfill_id"])[::-1])

    def __len__(self) -> int:
        return len(self.frame)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.frame["backfill_id"].head(300))

    def __repr__(self) -> str:
        frame = self.frame
        waiting = int((frame["status"] == BackfillStatus.REQUESTED).sum())
        hint = f", {waiting} requested: the next tick of any sensor takes them up, or resume() does" if waiting else ""
        return f"<{len(frame)} backfill{'' if len(frame) == 1 else 's'}{hint}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import frame_html

        return frame_html(self.frame.head(50))
