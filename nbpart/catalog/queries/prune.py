"""Which files of a workspace the catalog names, and which of them a prune must leave."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE, ADOPTED_PATHS, DATA_STATES, quote
from nbpart.catalog.queries.verbs import create_read_by_active
from nbpart.states import DataState, RunStatus
from nbpart.storage.adopted import ADOPTED_MARK

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FilesInUse:
    """Files that the catalog names, as paths relative to the workspace.

    ``kept``: those that a prune leaves; ``named``: all of them; ``active_since``: when the oldest active run was
    claimed, None where none is active.
    """

    kept: frozenset[str]
    named: frozenset[str]
    active_since: datetime | None


def create_prunable(batch: Batch, chosen: str, name: str) -> int:
    """Create a temporary table (asset_id, key_id, materialization_id) of those of `chosen` that can lose current data.

    Left out is what has no data, is damaged or pruned already, was adopted, has an active run or is read by one.
    Returns how many rows it has.
    """
    create_read_by_active(batch, chosen)
    return batch.create_temp(
        name,
        f"""SELECT f.asset_id, f.key_id, f.materialization_id FROM {quote(chosen)} AS c
        JOIN partition_facts AS f USING (asset_id, key_id)
        WHERE f.materialization_id IS NOT NULL AND f.active = {ACTIVE_NONE}
          AND f.materialization_id NOT IN (SELECT materialization_id FROM ({DATA_STATES}))
          AND f.materialization_id NOT IN (
            SELECT materialization_id FROM data_files WHERE path LIKE '{ADOPTED_MARK}%')
          AND (f.asset_id, f.key_id) NOT IN (SELECT (asset_id, key_id) FROM verb_read)""",
    )


def files_in_use(batch: Batch, keep: int, chosen: str | None = None, gone: str | None = None) -> FilesInUse:
    """The files that are left where each partition keeps its newest `keep` materializations and runs.

    Files of active runs, of current data, and of partitions that are not in the temporary table `chosen` (asset_id,
    key_id) are always left; files of data that were wiped, or stand in the table `gone` (materialization_id), are not.
    """
    _create_kept(batch, keep, chosen, gone)
    data = "SELECT path FROM data_files"
    logs = (
        "SELECT path, run_no FROM (SELECT unnest([notebook, log]) AS path, run_no FROM attempts"
        " UNION ALL SELECT curves, run_no FROM outcomes) WHERE path IS NOT NULL"
    )
    # one file may be that of several materializations of a partition, one of which is current again
    kept = batch.rows(
        f"""({data} WHERE materialization_id IN (SELECT materialization_id FROM made_kept)
        EXCEPT {data} WHERE materialization_id IN (SELECT materialization_id FROM made_gone))
        UNION {data} WHERE materialization_id IN (SELECT materialization_id FROM made_current)
        UNION SELECT path FROM ({logs}) WHERE run_no IN (SELECT run_no FROM runs_kept) UNION {ADOPTED_PATHS}"""
    )
    named = batch.rows(f"{data} UNION SELECT path FROM ({logs})")
    since = batch.value(
        f"""SELECT min(created_at) FROM runs WHERE run_no IN
        (SELECT active_run FROM partition_facts WHERE active <> {ACTIVE_NONE})"""
    )
    return FilesInUse(frozenset(row[0] for row in kept), frozenset(row[0] for row in named), since)


def _create_kept(batch: Batch, keep: int, chosen: str | None, gone: str | None) -> None:
    """Create the temporary tables made_gone, made_current, made_kept and runs_kept, for `files_in_use`."""
    others = (
        "false" if chosen is None else f"(asset_id, key_id) NOT IN (SELECT (asset_id, key_id) FROM {quote(chosen)})"
    )
    batch.create_temp(
        "made_gone",
        f"""SELECT m.materialization_id FROM ({DATA_STATES}) AS l JOIN materializations AS m USING (materialization_id)
        WHERE l.state IN ('{DataState.WIPED}', '{DataState.PRUNED}') AND NOT ({others})"""
        + (f" UNION SELECT materialization_id FROM {quote(gone)}" if gone else ""),
    )
    batch.create_temp(
        "made_current",
        """SELECT materialization_id, m.run_no
        FROM partition_facts JOIN materializations AS m USING (materialization_id)
        WHERE materialization_id NOT IN (SELECT materialization_id FROM made_gone)""",
    )
    batch.create_temp(
        "made_kept",
        f"""SELECT materialization_id, run_no FROM materializations WHERE {others}
        UNION FROM made_current
        UNION SELECT materialization_id, run_no FROM materializations
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY materialization_id DESC) <= ?""",
        keep,
    )
    batch.create_temp(
        "runs_kept",
        f"""SELECT run_no FROM made_kept WHERE run_no IS NOT NULL
          AND materialization_id NOT IN (SELECT materialization_id FROM made_gone)
        UNION SELECT run_no FROM runs WHERE {others}
        UNION SELECT active_run FROM partition_facts WHERE active <> {ACTIVE_NONE}
        UNION SELECT run_no FROM runs
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY run_no DESC) <= ?""",
        keep,
    )


def find_pruning_of(batch: Batch, asset_id: int, key_id: int) -> str:
    """When and by whom the current data of a partition was pruned, as words; "" where it was not."""
    sql = f"""SELECT l.reason FROM partition_facts AS f JOIN ({DATA_STATES}) AS l USING (materialization_id)
        WHERE f.asset_id = ? AND f.key_id = ? AND l.state = '{DataState.PRUNED}'"""
    return str(batch.value(sql, asset_id, key_id) or "")


def pruned_keys(batch: Batch) -> dict[int, NDArray[np.int64]]:
    """The ids of the keys whose current data was pruned, by the id of the asset."""
    rows = batch.numpy(
        f"""SELECT f.asset_id, f.key_id FROM ({DATA_STATES}) AS l JOIN partition_facts AS f USING (materialization_id)
        WHERE l.state = '{DataState.PRUNED}' ORDER BY f.asset_id, f.key_id"""
    )
    return {int(asset_id): rows["key_id"][rows["asset_id"] == asset_id] for asset_id in np.unique(rows["asset_id"])}


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
