"""What a verb would do to partitions, and what verbs did to one."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.batch import Batch
from nbpart.catalog.dependencies import load_dependencies
from nbpart.catalog.expressions import ACTIVE_NONE, ADOPTED_PATHS, DATA_STATES, OUTCOME_FAILED, OUTCOME_NONE, quote
from nbpart.catalog.join_search import find_inputs
from nbpart.catalog.key_lookup import KEY_SQL
from nbpart.catalog.queries.keys import find_key
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.records import VerbEvent
from nbpart.states import DataState, RunStatus, Verb

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

_KEY = f"CASE WHEN a.set_id <> 0 THEN {KEY_SQL} END"


def create_chosen(batch: Batch, chosen: Mapping[int, NDArray[np.int64] | None], name: str = "verb_chosen") -> int:
    """Create a temporary table (asset_id, key_id) of partitions: all members of an asset where its ids are None.

    Returns how many they are.
    """
    import pyarrow as pa

    listed = {asset_id: ids for asset_id, ids in chosen.items() if ids is not None}
    columns = {
        "asset_id": np.repeat(np.fromiter(listed, np.int32), [len(ids) for ids in listed.values()]),
        "key_id": np.concatenate([np.empty(0, np.int64), *listed.values()]),
    }
    batch.stage("verb_listed", pa.table(columns))
    return batch.create_temp(
        name,
        """SELECT asset_id, key_id FROM verb_listed UNION ALL
        SELECT a.asset_id, m.key_id FROM assets AS a JOIN members AS m USING (set_id)
        WHERE a.asset_id IN (SELECT unnest(?::INTEGER[]))""",
        [asset_id for asset_id, ids in chosen.items() if ids is None],
    )


def stage_partitions(
    batch: Batch, name: str, asset_ids: NDArray[Any], key_ids: NDArray[np.int64], materialization_ids: NDArray[np.int64]
) -> None:
    """Stage a table (asset_id, key_id, materialization_id)."""
    import pyarrow as pa

    columns = {"asset_id": asset_ids, "key_id": key_ids, "materialization_id": materialization_ids}
    batch.stage(name, pa.table(columns))


def find_active(batch: Batch, partitions: str) -> tuple[str, str | None, int] | None:
    """The first partition of a temporary table (asset_id, key_id) that has an active run, and how many have; or None.

    Its asset, its key, the number.
    """
    return _first_label(batch, partitions, f"f.active <> {ACTIVE_NONE}")


def find_read_by_active(batch: Batch, partitions: str) -> tuple[str, str | None, int] | None:
    """As `find_active`, of partitions that an active run reads."""
    create_read_by_active(batch, partitions)
    return _first_label(batch, partitions, "(p.asset_id, p.key_id) IN (SELECT (asset_id, key_id) FROM verb_read)")


def create_read_by_active(batch: Batch, partitions: str) -> None:
    """Stage the table verb_read (asset_id, key_id) of what active runs read of the assets of a temporary table."""
    read = [(np.empty(0, np.int32), np.empty(0, np.int64))]
    active = f"SELECT asset_id FROM partition_facts WHERE active <> {ACTIVE_NONE}"
    wanted = f"d.asset_id IN ({active}) AND d.input_id IN (SELECT asset_id FROM {quote(partitions)})"
    for each in load_dependencies(batch, wanted):
        sql = f"SELECT key_id FROM partition_facts WHERE asset_id = ? AND active <> {ACTIVE_NONE}"
        ids = find_inputs(batch, each.join(batch), batch.numpy(sql, each.asset_id)["key_id"])
        read.append((np.full(len(ids), each.input_id, np.int32), ids))
    assets, keys = (np.concatenate(parts) for parts in zip(*read, strict=True))
    stage_partitions(batch, "verb_read", assets, keys, np.empty(len(keys), np.int64))


def load_acceptable(batch: Batch, partitions: str) -> pa.Table:
    """What could be accepted of a temporary table of partitions: a row a partition, in its order of ids.

    Columns: asset, partition_key, asset_id, key_id, materialization_id (null: it was never made), state of its data,
    reason of that, is_current (accepting it would change nothing).
    """
    batch.create_temp(
        "verb_newest",
        f"""SELECT p.asset_id, p.key_id, f.stale, f.outcome, f.materialization_id AS current_id,
            coalesce(f.materialization_id, n.newest) AS materialization_id
        FROM {quote(partitions)} AS p LEFT JOIN partition_facts AS f USING (asset_id, key_id)
        LEFT JOIN (SELECT asset_id, key_id, max(materialization_id) AS newest FROM materializations
            WHERE data_version IS NOT NULL GROUP BY asset_id, key_id) AS n USING (asset_id, key_id)""",
    )
    return batch.arrow(
        f"""SELECT a.name AS asset, {_KEY} AS partition_key, v.asset_id, v.key_id, v.materialization_id,
            coalesce(l.state, '{DataState.GOOD}') AS state, coalesce(l.reason, '') AS reason,
            v.current_id IS NOT NULL AND v.stale = 0 AND v.outcome <> {OUTCOME_FAILED} AS is_current
        FROM verb_newest AS v JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id)
        LEFT JOIN ({DATA_STATES}) AS l USING (materialization_id) ORDER BY v.asset_id, v.key_id"""
    )


def materialization_files(batch: Batch, materialization_ids: NDArray[np.int64]) -> pa.Table:
    """The files of materializations: materialization_id, path, bytes, data_version; of one without, its notebook."""
    import pyarrow as pa

    batch.stage("verb_asked", pa.table({"materialization_id": materialization_ids}))
    return batch.arrow(
        """SELECT v.materialization_id, coalesce(d.path, e.notebook) AS path, d.bytes, d.data_version
        FROM verb_asked AS v JOIN materializations AS m USING (materialization_id)
        LEFT JOIN data_files AS d USING (materialization_id)
        LEFT JOIN (SELECT run_no, arg_max(notebook, attempt) AS notebook FROM attempts GROUP BY run_no) AS e
            ON e.run_no = m.run_no AND d.path IS NULL
        WHERE coalesce(d.path, e.notebook) IS NOT NULL"""
    )


def count_stale(batch: Batch, partitions: str) -> int:
    """How many partitions of a temporary table (asset_id, key_id) are stale."""
    return int(
        batch.value(
            f"""SELECT count(*) FROM {quote(partitions)} AS p JOIN partition_facts AS f USING (asset_id, key_id)
            WHERE f.stale <> 0"""
        )
    )


def count_wipeable(batch: Batch, partitions: str) -> dict[str, int]:
    """How many partitions of a temporary table have data or a failure, by asset."""
    rows = batch.rows(
        f"""SELECT a.name, count(*) FROM {quote(partitions)} AS p JOIN partition_facts AS f USING (asset_id, key_id)
        JOIN assets AS a USING (asset_id)
        WHERE f.materialization_id IS NOT NULL OR f.outcome <> {OUTCOME_NONE} GROUP BY ALL ORDER BY min(a.asset_id)"""
    )
    return dict(rows)


def count_by_asset(batch: Batch, partitions: str) -> dict[str, int]:
    """How many partitions a temporary table (asset_id, key_id) has, by the name of the asset."""
    rows = batch.rows(
        f"""SELECT a.name, count(*) FROM {quote(partitions)} AS p JOIN assets AS a USING (asset_id)
        GROUP BY a.asset_id, a.name ORDER BY a.asset_id"""
    )
    return dict(rows)


def find_removal(batch: Batch, asset_id: int, key: str) -> str:
    """How, when and by whom the key of a partition was removed last, as words; "" where no person did."""
    key_id = find_key(batch, asset_id, key)
    row = batch.row(
        """SELECT e.verb, e.person, e.reason, e.happened_at
        FROM verb_partitions AS p JOIN verb_events AS e USING (verb_no)
        WHERE p.asset_id = ? AND p.key_id = ? AND e.verb IN (?, ?) ORDER BY e.verb_no DESC LIMIT 1""",
        *(asset_id, key_id, str(Verb.REMOVED), str(Verb.ERASED)),
    )
    return "" if row is None else VerbEvent(Verb(row[0]), row[1], row[2]).describe(row[3])


def own_data_files(batch: Batch, partitions: str) -> list[str]:
    """The data files that runs left of partitions of a temporary table, of all their materializations.

    What somebody adopted is not among them, nor what another partition names.
    """
    rows = batch.rows(
        f"""SELECT DISTINCT d.path FROM data_files AS d JOIN materializations AS m USING (materialization_id)
        JOIN {quote(partitions)} AS p ON p.asset_id = m.asset_id AND p.key_id = m.key_id
        WHERE d.path LIKE 'data/%' AND d.path NOT IN (
            SELECT o.path FROM data_files AS o JOIN materializations AS n USING (materialization_id)
            WHERE (n.asset_id, n.key_id) NOT IN (SELECT (asset_id, key_id) FROM {quote(partitions)})
            UNION ALL {ADOPTED_PATHS})
        ORDER BY d.path"""
    )
    return [path for (path,) in rows]


def history_frame(batch: Batch, asset_id: int, key_id: int) -> pd.DataFrame:
    """What happened to one partition, the newest first: happened_at, event, run_id, person, reason.

    Runs by the status of their last attempt, with their error as the reason; and what persons did by a verb.
    """
    return nulls_to_none(
        batch.frame(
            f"""WITH tries AS (
                SELECT run_no, max(attempt) AS attempt, arg_max(started_at, attempt) AS started_at FROM attempts
                WHERE run_no IN (SELECT run_no FROM runs WHERE asset_id = $1 AND key_id = $2) GROUP BY run_no
            ), ends AS (SELECT * FROM outcomes WHERE final),
            happened AS (
                SELECT coalesce(o.finished_at, t.started_at, r.created_at) AS happened_at,
                    CASE WHEN o.final THEN o.status WHEN t.attempt IS NULL THEN '{RunStatus.QUEUED}'
                        ELSE '{RunStatus.RUNNING}' END AS event, r.run_id, NULL AS person,
                    concat_ws(': ', o.error_class, nullif(o.error_message, '')) AS reason,
                    coalesce(o.sequence, r.sequence) AS sequence
                FROM runs AS r LEFT JOIN tries AS t USING (run_no) LEFT JOIN ends AS o USING (run_no)
                WHERE r.asset_id = $1 AND r.key_id = $2
                UNION ALL
                SELECT e.happened_at, e.verb, NULL, e.person, e.reason, e.sequence
                FROM verb_partitions AS p JOIN verb_events AS e USING (verb_no) WHERE p.asset_id = $1 AND p.key_id = $2
            )
            SELECT happened_at, event, run_id, person, reason FROM happened ORDER BY sequence DESC, happened_at DESC""",
            asset_id,
            key_id,
        )
    )


def _first_label(batch: Batch, partitions: str, condition: str) -> tuple[str, str | None, int] | None:
    row = batch.row(
        f"""SELECT a.name, {_KEY}, count(*) OVER () FROM {quote(partitions)} AS p
        JOIN partition_facts AS f USING (asset_id, key_id)
        JOIN assets AS a ON a.asset_id = p.asset_id JOIN keys AS k ON k.key_id = p.key_id
        WHERE {condition} ORDER BY p.asset_id, p.key_id LIMIT 1"""
    )
    return None if row is None else (str(row[0]), row[1], int(row[2]))
