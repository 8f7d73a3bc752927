"""A backfill that can be followed, and the list of them."""

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
from nbpart.project.launch import describe_waiting, find_backfill, status_of
from nbpart.project.project import Project
from nbpart.project.resume import check_changes, resume_backfill, retry_backfill, tell_nothing_left
from nbpart.states import CANCELLING, LIVE_BACKFILL, REQUESTED, RETRYABLE, UNSUCCESSFUL, RunStatus, StepStatus

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")

#: How often a backfill of another process is looked at, in seconds.
LOOK_S = 0.3


class AsBefore(enum.Enum):
    """Stands for an option of a backfill that is not given: it stays as it was."""

    AS_BEFORE = enum.auto()

    def __repr__(self) -> str:
        return "as before"


AS_BEFORE: Final = AsBefore.AS_BEFORE


class Backfill:
    """A plan in execution, here or in another process, or one that ended."""

    def __init__(self, project: Project, backfill_id: str) -> None:
        self._project, self.id = project, backfill_id

    @property
    def status(self) -> str:
        """How it stands or ended: ``requested`` (asked for, without a plan yet), ``queued``, ``running``,
        ``cancelling``, ``succeeded``, ``failed``, ``cancelled``, ``interrupted``."""
        record = self._record
        status = status_of(self._project, record)
        return CANCELLING if status == RunStatus.RUNNING and record.cancelling else status

    @property
    def is_running(self) -> bool:
        """Whether it goes on, here or elsewhere, or waits for its process to take it up."""
        return self.status in LIVE_BACKFILL

    def counts(self) -> dict[str, int]:
        """How many steps have each status; every status of a step is a key."""
        number = self._record.backfill_no
        counts = self._project.read(lambda batch: queries.step_counts(batch, number))
        return {str(status): counts.get(str(status), 0) for status in StepStatus}

    def steps(self) -> pd.DataFrame:
        """One row a step: ``asset, partition_key, reason, status, run_id, cause``."""
        number = self._record.backfill_no
        return self._project.read(lambda batch: queries.steps_frame(batch, number))

    def wait(self, timeout_s: float | None = None, *, progress: bool = True) -> Backfill:
        """Wait for the end, with a progress bar; returns itself.

        An interrupt (Ctrl-C) ends the waiting, not the backfill: `cancel` does that. Raises `TimeoutError` after
        ``timeout_s`` seconds, and the error that stopped the backfill, if one did.
        """
        runner = self._runner
        sight = ProgressSource(runner.counts, runner.wait) if runner is not None else self._look_elsewhere()
        if not show_progress(sight, self.id, timeout_s, visible=progress):
            raise TimeoutError(f"backfill {self.id} still runs after {timeout_s} s; wait again, or cancel() it.")
        if runner is not None and runner.error is not None:
            raise runner.error
        return self

    def cancel(self, timeout_s: float | None = None) -> None:
        """Stop it, wherever it runs: running kernels are ended, nothing new starts. Returns when it has ended.

        Raises `TimeoutError` where it has not ended after ``timeout_s`` seconds; it is still asked to.
        """
        runner = self._runner
        if runner is not None:
            runner.cancel()
            with contextlib.suppress(CatalogError):  # it ends anyhow; this only lets everybody see that it will
                self._project.catalog.write(self._ask_to_cancel)
            ended = runner.wait(timeout_s)
        else:
            self._project.coordinator.reap()
            self._project.catalog.write(self._ask_to_cancel)
            ended = show_progress(self._look_elsewhere(), self.id, timeout_s, visible=False)
        if not ended:
            raise TimeoutError(f"backfill {self.id} was asked to end and has not after {timeout_s} s; ask again.")

    def raise_for_failures(self) -> Backfill:
        """Raise `BackfillFailedError` if a step failed or was blocked; else returns itself."""
        counts = self.counts()
        bad = {s: counts[s] for s in UNSUCCESSFUL if counts[s]}
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

    def retry_failed(  # noqa: PLR0913
        self,
        *,
        max_workers: int | AsBefore | None = AS_BEFORE,
        retries: int | AsBefore = AS_BEFORE,
        settings: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        secrets: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        timeout_s: float | AsBefore | None = AS_BEFORE,
        backoff_s: float | AsBefore = AS_BEFORE,
        limits: Mapping[str, int] | AsBefore | None = AS_BEFORE,
        keep_failed_kernels: int | AsBefore = AS_BEFORE,
        policy: str | AsBefore = AS_BEFORE,
    ) -> Backfill:
        """A new backfill of the steps that failed or were blocked, with the code as it is registered now.

        Takes the options of `Plan.run`; those not given are as before.
        What another backfill made good meanwhile is not run again. Where no step failed nothing starts: it says so and
        returns itself.
        """
        self._project.check_trust()
        given = _given(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            policy=policy,
        )
        options = check_changes(self._project, self.id, given)
        backfill_id = retry_backfill(self._project, self.id, **options)
        if backfill_id is None:
            log.info("%s", self.tell_nothing_failed())
            return self
        return Backfill(self._project, backfill_id)

    def resume(  # noqa: PLR0913
        self,
        *,
        max_workers: int | AsBefore | None = AS_BEFORE,
        retries: int | AsBefore = AS_BEFORE,
        settings: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        secrets: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        timeout_s: float | AsBefore | None = AS_BEFORE,
        backoff_s: float | AsBefore = AS_BEFORE,
        limits: Mapping[str, int] | AsBefore | None = AS_BEFORE,
        keep_failed_kernels: int | AsBefore = AS_BEFORE,
        policy: str | AsBefore = AS_BEFORE,
    ) -> Backfill:
        """Go on with the steps that have no outcome, as the same backfill; returns at once.

        Takes the options of `Plan.run`; those not given are as before. What was made since the plan, by whomever, is
        not run again. Where no step is left nothing starts, it keeps its outcome, and says what to do instead. Raises
        `DeclarationError` where it still runs.
        """
        self._project.check_trust()
        given = _given(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            policy=policy,
        )
        options = check_changes(self._project, self.id, given)
        if told := self.tell_nothing_left():
            log.info("%s", told)
        else:
            resume_backfill(self._project, self.id, **options)
        return self

    def check_options(  # noqa: PLR0913
        self,
        *,
        max_workers: int | AsBefore | None = AS_BEFORE,
        retries: int | AsBefore = AS_BEFORE,
        settings: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        secrets: Mapping[str, Any] | AsBefore | None = AS_BEFORE,
        timeout_s: float | AsBefore | None = AS_BEFORE,
        backoff_s: float | AsBefore = AS_BEFORE,
        limits: Mapping[str, int] | AsBefore | None = AS_BEFORE,
        keep_failed_kernels: int | AsBefore = AS_BEFORE,
        policy: str | AsBefore = AS_BEFORE,
    ) -> None:
        """Raise `DeclarationError` for options that `resume` could not take, also where it would do nothing."""
        given = _given(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            policy=policy,
        )
        check_changes(self._project, self.id, given)

    def tell_nothing_left(self) -> str:
        """Why `resume` would do nothing and what to do instead, in a sentence; "" where it would go on."""
        return self._project.read(lambda batch: tell_nothing_left(batch, find_backfill(batch, self.id)))

    def tell_nothing_failed(self) -> str:
        """Why `retry_failed` would do nothing, in a sentence; "" where it would start a backfill."""
        counts = self.counts()
        if counts["failed"] or counts["blocked"]:
            return ""
        return f"backfill {self.id} has no step that failed or was blocked, so there is nothing to retry."

    @property
    def _runner(self) -> Runner | None:
        return self._project.runners.get(self.id)

    @property
    def _record(self) -> BackfillRecord:
        return self._project.read(lambda batch: find_backfill(batch, self.id))

    def _ask_to_cancel(self, batch: Batch) -> None:
        record = find_backfill(batch, self.id)
        if status_of(self._project, record) == RunStatus.RUNNING:
            events.ask_to_cancel(batch, record.backfill_no)
        elif record.status in (RunStatus.QUEUED, REQUESTED):  # no process has it
            events.finish_backfill(batch, record.backfill_no, str(RunStatus.CANCELLED))

    def _look_elsewhere(self) -> ProgressSource:
        """How to follow it where another process runs it: by the catalog, read again only when that changed."""
        seen: dict[StepStatus, int] = {}
        at = -1

        def counts() -> Mapping[StepStatus, int]:
            nonlocal at, seen
            if (now := self._project.catalog.sequence()) != at:
                at, seen = now, {StepStatus(status): n for status, n in self.counts().items()}
            return seen

        def wait(timeout_s: float | None) -> bool:
            time.sleep(min(timeout_s or LOOK_S, LOOK_S))
            return not self.is_running

        return ProgressSource(counts, wait)

    def _first_failure(self) -> str:
        steps = self.steps()
        bad = steps[steps["status"].isin(RETRYABLE) & steps["cause"].notna()]
        if bad.empty:
            return ""
        row = bad.sort_values("status", key=lambda status: status != "failed", kind="stable").iloc[0]
        place = PartitionRef(row.asset, row.partition_key).label
        return f"; the first is {place} ({row.cause})"

    def __repr__(self) -> str:
        record = self._record
        if record.status == REQUESTED:
            return f"<Backfill {self.id} {record.status}: {describe_waiting(record)}>"
        told = ", ".join(f"{n} {status}" for status, n in self.counts().items() if n)
        return f"<Backfill {self.id} {self.status}: {told or 'no steps'}>"

    def _ipython_display_(self) -> None:
        """In a notebook the live monitor, elsewhere its text."""
        from IPython import get_ipython

        if self._project.show_backfill is None or getattr(get_ipython(), "kernel", None) is None:
            print(repr(self))
        else:
            self._project.show_backfill(self.id)._ipython_display_()

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import backfill_html

        return backfill_html(self.id, self._record.selection, self.status, self.counts())


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not AS_BEFORE}


class Backfills(Mapping[str, Backfill]):
    """The backfills of a workspace by id, oldest first."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def frame(self) -> pd.DataFrame:
        """One row a backfill, newest first."""
        return self._project.read(queries.backfills_frame)

    def __getitem__(self, backfill_id: str) -> Backfill:
        if self._project.read(lambda batch: queries.find_backfill(batch, backfill_id)) is None:
            raise UnknownNameError(f"there is no backfill {backfill_id!r}; {nearest(backfill_id, self)}")
        return Backfill(self._project, backfill_id)

    def __iter__(self) -> Any:
        return iter(list(self.frame["backfill_id"])[::-1])

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        frame = self.frame
        waiting = int((frame["status"] == REQUESTED).sum())
        told = f", {waiting} requested: the next tick of any sensor takes them up, or resume() does" if waiting else ""
        return f"<{len(frame)} backfill{'' if len(frame) == 1 else 's'}{told}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import frame_html

        return frame_html(self.frame.head(50))
