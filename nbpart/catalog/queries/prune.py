"""Which files of a workspace the catalog names, and which of them a prune must leave."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE
from nbpart.states import RunStatus
from nbpart.storage.adopted import ADOPTED_MARK


@dataclass(frozen=True, slots=True)
class FilesInUse:
    """Files that the catalog names, as paths relative to the workspace.

    ``kept``: those that a prune leaves; ``named``: all of them; ``active_since``: when the oldest active run was
    claimed, None where none is active.
    """

    kept: frozenset[str]
    named: frozenset[str]
    active_since: datetime | None


def files_in_use(batch: Batch, keep: int, asset_ids: Collection[int] | None = None) -> FilesInUse:
    """The files that are left where each partition keeps its newest `keep` materializations and runs.

    Files of current data, of active runs, and of assets that are not in `asset_ids` are always left.
    """
    among = "true" if asset_ids is None else f"asset_id IN ({', '.join(map(str, map(int, asset_ids))) or 'NULL'})"
    batch.create_temp(
        "made_kept",
        f"""SELECT materialization_id, run_no FROM materializations WHERE NOT ({among})
        OR materialization_id IN (SELECT materialization_id FROM partition_facts)
        UNION SELECT materialization_id, run_no FROM materializations
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY materialization_id DESC) <= ?""",
        keep,
    )
    batch.create_temp(
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
    # a file that somebody adopted may lie in a folder of the workspace
    adopted = f"SELECT path[{len(ADOPTED_MARK) + 1}:] AS path FROM data_files WHERE path LIKE '{ADOPTED_MARK}%'"
    kept = batch.rows(
        f"""{data} WHERE materialization_id IN (SELECT materialization_id FROM made_kept)
        UNION {logs} AND run_no IN (SELECT run_no FROM runs_kept) UNION {adopted}"""
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
    """The numbers of processes whose death was recorded over `older_than_s` seconds ago and whose files are not removed
    yet, and their interrupted runs."""
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
