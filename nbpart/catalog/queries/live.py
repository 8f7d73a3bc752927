"""The reads of live widgets: which partitions changed since a commit, and how far a backfill is."""

# ruff: noqa: S608  what is put into SQL is constants of this package

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_RUNNING, status_code_sql
from nbpart.catalog.judged import count_unsound_of
from nbpart.catalog.key_lookup import KEY_SQL
from nbpart.catalog.queries.backfills import find_backfill, step_counts
from nbpart.catalog.queries.status import status_counts
from nbpart.catalog.records import BackfillRecord
from nbpart.states import BEGINNINGS, STATUS_CODES, PartitionStatus, StepStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Over so many touched partitions a reader takes the whole anew: it is no slower.
MOST_TOUCHED = 50_000


@dataclass(frozen=True, slots=True)
class TouchedPartitions:
    """Partitions that changed, each once, with the status that they have now: three arrays of one length."""

    asset_ids: NDArray[np.int64]
    key_ids: NDArray[np.int64]
    status: NDArray[np.uint8]


class Changes:
    """What the commits after `since` changed. Each property is read when it is first used, which must be in the batch.

    `sequence` is the number of the last commit.
    """

    def __init__(self, batch: Batch, since: int) -> None:
        self._batch, self.since, self.sequence = batch, since, batch.sequence

    @cached_property
    def registered(self) -> bool:
        """Whether an asset or source was registered, replaced or removed."""
        return bool(self._batch.value("SELECT count(*) FROM assets WHERE sequence > ?", self.since))

    @cached_property
    def changed_sets(self) -> frozenset[int]:
        """The ids of the sets that keys were added to or removed from."""
        rows = self._batch.rows("SELECT set_id FROM partition_sets WHERE version > ?", self.since)
        return frozenset(int(row[0]) for row in rows)

    @cached_property
    def counts(self) -> dict[int, tuple[int, ...]]:
        """`count_by_code` of now."""
        return count_by_code(self._batch)

    @cached_property
    def touched(self) -> TouchedPartitions | None:
        """The partitions whose facts changed, members or not; None for more than `MOST_TOUCHED`."""
        columns = self._batch.numpy(
            f"SELECT asset_id::BIGINT AS asset_id, key_id, {status_code_sql()} AS status FROM partition_facts f"
            f" WHERE changed > ? LIMIT {MOST_TOUCHED + 1}",
            self.since,
        )
        if len(columns["key_id"]) > MOST_TOUCHED:
            return None
        return TouchedPartitions(columns["asset_id"], columns["key_id"], columns["status"])


def count_by_code(batch: Batch) -> dict[int, tuple[int, ...]]:
    """How many partitions of each active asset and source have each status: id -> counts by status code."""
    counts: dict[int, list[int]] = {}
    for row in batch.rows("SELECT asset_id FROM assets WHERE active"):
        counts[int(row[0])] = [0] * len(STATUS_CODES)
    for asset_id, status, n in status_counts(batch).itertuples(index=False):
        counts[int(asset_id)][STATUS_CODES[PartitionStatus(status)]] = int(n)
    return {asset_id: tuple(each) for asset_id, each in counts.items()}


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """An attempt at a step that runs or has failed.

    `at` is when it began or, where it failed, ended; `notebook` is a path relative to the workspace.
    """

    asset: str
    partition_key: str | None
    run_id: str | None
    at: datetime | None
    error: str
    notebook: str | None


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """How far a backfill is: its steps by status, the newest running and failed ones, and its speed.

    `finished` is how many runs ended within the last `window_s` seconds, `unsound` how many partitions were made that
    did not pass a check.
    """

    record: BackfillRecord
    counts: dict[str, int]
    begun_at: datetime
    read_at: datetime
    running: tuple[StepAttempt, ...]
    failures: tuple[StepAttempt, ...]
    finished: int
    window_s: float
    unsound: int = 0


def backfill_progress(
    batch: Batch, backfill_id: str, *, most: int = 50, window_s: float = 60.0
) -> BackfillProgress | None:
    """How far a backfill is, with at most `most` running steps and as many failures; None for an unknown id."""
    record = find_backfill(batch, backfill_id)
    if record is None:
        return None
    number = record.backfill_no
    begun = batch.value(
        "SELECT max(happened_at) FROM backfill_events WHERE backfill_no = ? AND list_contains(?::VARCHAR[], kind)",
        number,
        [event.value for event in BEGINNINGS],
    )
    begun_at = begun or record.created_at
    seen_s = min(window_s, max((batch.now - begun_at).total_seconds(), 0.0))
    return BackfillProgress(
        record,
        step_counts(batch, number),
        begun_at,
        batch.now,
        _running(batch, number, most),
        _failures(batch, number, most),
        _finished_since(batch, number, batch.now - timedelta(seconds=seen_s)),
        seen_s,
        count_unsound_of(batch, number),
    )


def _running(batch: Batch, backfill_no: int, most: int) -> tuple[StepAttempt, ...]:
    rows = batch.rows(
        "WITH active AS (SELECT r.run_no, r.run_id, r.asset_id, r.key_id FROM partition_facts f"
        "               JOIN runs r ON r.run_no = f.active_run"
        f"              WHERE f.active = {ACTIVE_RUNNING} AND r.backfill_no = ?),"
        " tries AS (SELECT run_no, max(started_at) AS started_at FROM attempts"
        "           WHERE run_no IN (SELECT run_no FROM active) GROUP BY run_no)"
        f" SELECT a.name, {KEY_SQL}, active.run_id, tries.started_at, '', NULL"
        " FROM active JOIN assets a USING (asset_id) JOIN keys k USING (key_id) LEFT JOIN tries USING (run_no)"
        " ORDER BY active.run_no LIMIT ?",
        backfill_no,
        most,
    )
    return tuple(StepAttempt(*row) for row in rows)


def _failures(batch: Batch, backfill_no: int, most: int) -> tuple[StepAttempt, ...]:
    """The newest failures first; one without a run id is that of a run of another backfill."""
    rows = batch.rows(
        "WITH bad AS (SELECT step_no, run_no, cause, rowid AS place FROM step_results"
        f"            WHERE backfill_no = ? AND status = '{StepStatus.FAILED.value}' ORDER BY rowid DESC LIMIT ?),"
        " ends AS (SELECT run_no, attempt, finished_at FROM outcomes"
        "          WHERE final AND run_no IN (SELECT run_no FROM bad)),"
        " tries AS (SELECT t.run_no, t.attempt, t.notebook FROM attempts t WHERE t.run_no IN (SELECT run_no FROM bad))"
        f" SELECT a.name, {KEY_SQL}, r.run_id, ends.finished_at, coalesce(bad.cause, ''), tries.notebook"
        " FROM bad JOIN steps s ON s.backfill_no = ? AND s.step_no = bad.step_no"
        " JOIN assets a ON a.asset_id = s.asset_id JOIN keys k ON k.key_id = s.key_id"
        " LEFT JOIN runs r ON r.run_no = bad.run_no LEFT JOIN ends ON ends.run_no = bad.run_no"
        " LEFT JOIN tries ON tries.run_no = bad.run_no AND tries.attempt = ends.attempt ORDER BY bad.place DESC",
        backfill_no,
        most,
        backfill_no,
    )
    return tuple(StepAttempt(*row) for row in rows)


def _finished_since(batch: Batch, backfill_no: int, since: datetime) -> int:
    return int(
        batch.value(
            "SELECT count(*) FROM outcomes o JOIN runs r USING (run_no)"
            " WHERE o.final AND o.finished_at > ? AND r.backfill_no = ?",
            since,
            backfill_no,
        )
    )
