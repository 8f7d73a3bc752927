"""From what a run says to what the catalog records."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from nbpart.backfill.claims import Flight
from nbpart.catalog import FileRecord, Outcome
from nbpart.run.spec import RunResult


def to_outcome(root: Path, flight: Flight, result: RunResult, *, final: bool) -> Outcome:
    """The outcome of one attempt; ``final`` says that no other attempt follows."""
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
        files=files,
        metrics=result.metrics,
        data_version=data_version(flight.run_id, files),
        rows=main.rows if main else None,
        bytes=sum(f.bytes or 0 for f in files) if files else None,
        inputs=flight.reads,
        code_version=flight.code_version,
    )


def data_version(run_id: str, files: Sequence[FileRecord]) -> str:
    """One version for all files of a run; of a run that saved nothing it is the run itself."""
    if not files:
        return hashlib.sha256(run_id.encode()).hexdigest()
    if len(files) == 1 and not files[0].name and files[0].data_version:
        return files[0].data_version
    pairs = sorted((f.name, f.data_version or "") for f in files)
    return hashlib.sha256("\n".join(f"{name}\0{version}" for name, version in pairs).encode()).hexdigest()
