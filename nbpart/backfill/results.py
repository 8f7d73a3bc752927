"""From what a run says to what the catalog records; what cannot be recorded fails its own run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from nbpart.backfill.claims import Flight
from nbpart.backfill.lost_data import judge_inputs
from nbpart.catalog import FileRecord, Outcome
from nbpart.errors import RecordingError
from nbpart.run.spec import RunResult, SavedFileRecord
from nbpart.run.texts import MOST_MESSAGE, check_metric, describe_error, show_text
from nbpart.states import RunStatus
from nbpart.storage import is_in_place


def check_result(root: Path, flight: Flight, result: RunResult) -> RunResult:
    """The result as it can be recorded: its texts are UTF-8 and not endless, and it is that of this flight.

    One that cannot be recorded becomes a failure that says why.
    """
    try:
        if (result.run_no, result.partition_key) != (flight.run_no, flight.key):
            raise RecordingError(f"the result is that of run {result.run_no}, partition {result.partition_key!r}.")
        for file in result.files:
            _check_file(root, flight, file)
        metrics = {name: check_metric(name, value) for name, value in result.metrics.items()}
        return _show_texts(replace(result, metrics=metrics))
    except Exception as error:  # noqa: BLE001 - whatever it says, it must not stop the other runs
        return replace(
            _failed(flight, result.started_at, result.finished_at, describe_error(error)), duration_s=result.duration_s
        )


def to_outcome(root: Path, flight: Flight, result: RunResult, *, final: bool) -> Outcome:
    """The outcome of one attempt, of a result that was checked; ``final`` says that no other attempt follows."""
    files = [
        FileRecord(
            name=f.name,
            kind=f.kind,
            format=f.format,
            path=os.path.relpath(f.path, root),
            rows=f.rows,
            bytes=f.bytes,
            data_version=f.data_version,
            schema=f.schema,
        )
        for f in result.files
    ]
    main = next((f for f in files if not f.name), None)
    return Outcome(
        run_no=flight.run_no,
        attempt=flight.attempt,
        status=result.status,
        final=final,
        finished_at=result.finished_at,
        duration_s=result.duration_s,
        error_class=result.error_class,
        error_message=result.error_message,
        error_cell=result.error_cell,
        traceback=result.traceback,
        exit_code=result.exit_code,
        lacked=result.lacked,
        kernel=result.kernel,
        kernel_kind=result.kernel_kind,
        cpu_s=result.cpu_s,
        peak_rss_bytes=result.peak_rss_bytes,
        kept_kernel=result.kept_kernel,
        note=result.note,
        files=files,
        metrics=result.metrics,
        data_version=data_version(flight.run_id, files),
        rows=main.rows if main else None,
        bytes=sum(f.bytes or 0 for f in files) if files else None,
        inputs=flight.reads,
        code_version=flight.code_version,
        seen=judge_inputs(result.faults),
    )


def refuse(outcome: Outcome, error: Exception) -> Outcome:
    """What is recorded in place of an outcome that the catalog would not take."""
    return Outcome(
        outcome.run_no,
        outcome.attempt,
        RunStatus.FAILED,
        outcome.final,
        datetime.now(UTC),
        error_class=RecordingError.__name__,
        error_message=_explain(describe_error(error)),
    )


def missing_member(flight: Flight, whole: RunResult) -> RunResult:
    """The result of a partition of which its run of many says nothing."""
    if whole.status is not RunStatus.SUCCEEDED:
        return replace(whole, run_no=flight.run_no, partition_key=flight.key, files=(), metrics={}, members={})
    return _failed(flight, whole.started_at, whole.finished_at, "its run of many says nothing of it")


def data_version(run_id: str, files: Sequence[FileRecord]) -> str:
    """One version for all files of a run; of a run that saved nothing it is the run itself."""
    if not files:
        return hashlib.sha256(run_id.encode()).hexdigest()
    if len(files) == 1 and not files[0].name and files[0].data_version:
        return files[0].data_version
    pairs = sorted((f.name, f.data_version or "") for f in files)
    return hashlib.sha256("\n".join(f"{name}\0{version}" for name, version in pairs).encode()).hexdigest()


def _check_file(root: Path, flight: Flight, file: SavedFileRecord) -> None:
    if not is_in_place(os.path.relpath(file.path, root), flight.stem):
        raise RecordingError(f"the data file {show_text(file.path)!r} is not one that this run may make.")
    for text in (file.name, file.kind, file.format, file.path, file.data_version, file.schema or ""):
        text.encode()
    for number in (file.rows or 0, file.bytes):
        if not 0 <= number < 2**63:
            raise RecordingError(f"{number} is no number of rows or bytes.")


def _show_texts(result: RunResult) -> RunResult:
    def shown(text: str | None, most: int = MOST_MESSAGE) -> str | None:
        return None if text is None else show_text(text, most)

    return replace(
        result,
        error_class=shown(result.error_class),
        error_message=shown(result.error_message),
        traceback=None if result.traceback is None else show_text(result.traceback),
        kernel=shown(result.kernel),
        note=shown(result.note),
        exit_code=_fit(result.exit_code, 31),
        error_cell=_fit(result.error_cell, 31),
        peak_rss_bytes=_fit(result.peak_rss_bytes, 63),
    )


def _fit(number: int | None, bits: int) -> int | None:
    return number if number is not None and -(1 << bits) <= number < 1 << bits else None


def _failed(flight: Flight, started_at: datetime, finished_at: datetime, why: str) -> RunResult:
    return RunResult(
        run_no=flight.run_no,
        run_id=flight.run_id,
        partition_key=flight.key,
        attempt=flight.attempt,
        status=RunStatus.FAILED,
        started_at=started_at,
        finished_at=finished_at,
        duration_s=0.0,
        error_class=RecordingError.__name__,
        error_message=_explain(why),
    )


def _explain(why: str) -> str:
    return f"what this run came to cannot be recorded: {' '.join(why.split())}"
