"""Checking the reports of runs and turning them into outcomes; a report that cannot be recorded fails its run."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from nbpart.backfill.claimed_run import ClaimedRun
from nbpart.backfill.data_faults import assess_input_faults
from nbpart.catalog import Outcome
from nbpart.errors import RecordingError
from nbpart.run.report import RecordedEnding, RunReport
from nbpart.run.texts import MOST_MESSAGE, check_metric, describe_error, show_text
from nbpart.states import RunStatus
from nbpart.storage import FileRecord, is_in_place, place_data, place_kept_curves

_LARGEST = 2**63


def check_report(run: ClaimedRun, report: RunReport) -> RunReport:
    """The report as it can be recorded, with its texts cut to the lengths that the catalog takes.

    A report of another run, of files that are not this run's, or with a value that cannot be recorded is replaced by a
    failure that says why.
    """
    try:
        if (report.run_no, report.partition_key) != (run.run_no, run.key):
            raise RecordingError(f"the report is that of run {report.run_no}, partition {report.partition_key!r}.")
        for file in report.files:
            _check_file(run, file)
        if report.curves not in (None, place_kept_curves(place_data(run.stem))):
            raise RecordingError(f"the curves in {show_text(report.curves or '')!r} are not this run's.")
        metrics = {name: check_metric(name, value) for name, value in report.metrics.items()}
        return _limit(replace(report, metrics=metrics))
    except Exception as error:  # noqa: BLE001 - whatever it says, it must not stop the other runs
        return _failure(_for_run(run, report), describe_error(error))


def to_outcome(run: ClaimedRun, report: RunReport, *, final: bool) -> Outcome:
    """The outcome of one attempt, from a checked report; ``final`` says that no other attempt follows."""
    observations = assess_input_faults(report.faults)
    return Outcome(report, final, inputs=run.reads, code_version=run.code_version, data_observations=observations)


def replace_refused(outcome: Outcome, error: Exception) -> Outcome:
    """The failure that is recorded in place of an outcome which the catalog refused with ``error``."""
    report = replace(_failure(outcome.report, describe_error(error)), finished_at=datetime.now(UTC), duration_s=None)
    return Outcome(report, outcome.final)


def build_missing_report(run: ClaimedRun, whole: RunReport) -> RunReport:
    """The report of a partition that is missing in ``whole``, the report of its run of many partitions."""
    if whole.status is not RunStatus.SUCCEEDED:
        return replace(whole, run_no=run.run_no, partition_key=run.key, files=(), metrics={}, members={})
    return _failure(replace(_for_run(run, whole), duration_s=0.0), "its run of many says nothing of it")


def _check_file(run: ClaimedRun, file: FileRecord) -> None:
    if not is_in_place(file.path, run.stem):
        raise RecordingError(f"the data file {show_text(file.path)!r} is not one that this run may make.")
    for value in dataclasses.astuple(file):
        if isinstance(value, str):
            value.encode()
        elif value is not None and not 0 <= value < _LARGEST:
            raise RecordingError(f"{value} is no number of rows or bytes.")


def _limit(report: RunReport) -> RunReport:
    """The report with texts cut to the lengths that the catalog takes, and without whole numbers beyond 64 bits."""
    texts: dict[str, Any] = {
        name: show_text(text) if name == "traceback" else show_text(text, MOST_MESSAGE)
        for name, text in report.free_texts.items()
    }
    numbers = {entry.name: getattr(report, entry.name) for entry in dataclasses.fields(RecordedEnding)}
    beyond: dict[str, Any] = {
        name: None for name, number in numbers.items() if isinstance(number, int) and not -_LARGEST <= number < _LARGEST
    }
    return replace(report, **texts, **beyond)


def _for_run(run: ClaimedRun, report: RunReport) -> RunReport:
    """The report with number, id and key of ``run`` in place of its own."""
    own: dict[str, Any] = {
        "run_no": run.run_no,
        "run_id": run.run_id,
        "partition_key": run.key,
        "attempt": run.attempt,
    }
    return replace(report, **own)


def _failure(report: RunReport, why: str) -> RunReport:
    """The failure that is recorded in place of a report, whose run and times it keeps."""
    kept = ("run_no", "run_id", "partition_key", "attempt", "started_at", "finished_at", "duration_s")
    return RunReport(
        **{name: getattr(report, name) for name in kept},
        status=RunStatus.FAILED,
        error_class=RecordingError.__name__,
        error_message=f"what this run came to cannot be recorded: {' '.join(why.split())}",
    )


def build_report(run: ClaimedRun, status: RunStatus) -> RunReport:
    """The report of a run that ended without one of its own."""
    now = datetime.now(UTC)
    return RunReport(
        run_no=run.run_no,
        run_id=run.run_id,
        partition_key=run.key,
        attempt=run.attempt,
        status=status,
        started_at=now,
        finished_at=now,
    )
