"""What of a workspace's files is current, known, or in use."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE
from nbpart.states import RunStatus


@dataclass(frozen=True, slots=True)
class FilesInUse:
    """The files that a prune leaves (paths in the workspace), all that the catalog names, and since when runs go on."""

    kept: frozenset[str]
    named: frozenset[str]
    active_since: datetime | None


def files_in_use(batch: Batch, keep: int, asset_ids: Collection[int] | None = None) -> FilesInUse:
    """What is left where each partition keeps its newest `keep` materializations and runs.

    Always left are what is current, and what belongs to runs that go on. Of assets that are not in `asset_ids` all is
    left.
    """
    among = "true" if asset_ids is None else f"asset_id IN ({', '.join(map(str, map(int, asset_ids))) or 'NULL'})"
    batch.keep(
        "made_kept",
        f"""SELECT materialization_id, run_no FROM materializations WHERE NOT ({among})
        OR materialization_id IN (SELECT materialization_id FROM partition_facts)
        UNION SELECT materialization_id, run_no FROM materializations
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY materialization_id DESC) <= ?""",
        keep,
    )
    batch.keep(
        "runs_kept",
        f"""SELECT run_no FROM made_kept WHERE run_no IS NOT NULL
        UNION SELECT run_no FROM runs WHERE NOT ({among})
        UNION SELECT active_run FROM partition_facts WHERE active <> {ACTIVE_NONE}
        UNION SELECT run_no FROM runs
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY run_no DESC) <= ?""",
        keep,
    )
    data = "SELECT path FROM data_files"
    logs = "SELECT unnest([notebook, log]) AS path FROM attempts WHERE notebook IS NOT NULL"
    kept = batch.rows(
        f"""{data} WHERE materialization_id IN (SELECT materialization_id FROM made_kept)
        UNION {logs} AND run_no IN (SELECT run_no FROM runs_kept)"""
    )
    named = batch.rows(f"{data} UNION {logs}")
    since = batch.value(
        f"""SELECT min(created_at) FROM runs WHERE run_no IN
        (SELECT active_run FROM partition_facts WHERE active <> {ACTIVE_NONE})"""
    )
    return FilesInUse(frozenset(row[0] for row in kept), frozenset(row[0] for row in named), since)


@dataclass(frozen=True, slots=True)
class DeadRun:
    """A run whose process died, with the number of that process."""

    coordinator_no: int
    run_id: str
    asset: str
    partition_key: str | None


def load_dead_runs(batch: Batch, older_than_s: float) -> tuple[list[int], list[DeadRun]]:
    """The processes that died so long ago and whose files were not removed yet, and the runs that they left."""
    before = batch.now - timedelta(seconds=older_than_s)
    numbers = batch.rows(
        "SELECT coordinator_no FROM coordinators WHERE ended_at < ? AND cleaned_at IS NULL ORDER BY 1", before
    )
    if not numbers:
        return [], []
    rows = batch.rows(
        f"""SELECT r.coordinator_no, r.run_id, a.name, CASE WHEN r.key_id <> 0 THEN k.key END
        FROM runs AS r JOIN outcomes AS o ON o.run_no = r.run_no AND o.final AND o.status = '{RunStatus.INTERRUPTED}'
        JOIN assets AS a ON a.asset_id = r.asset_id JOIN keys AS k ON k.key_id = r.key_id
        WHERE r.coordinator_no IN (SELECT unnest(?::INTEGER[]))""",
        [number for (number,) in numbers],
    )
    return [number for (number,) in numbers], [DeadRun(*row) for row in rows]
