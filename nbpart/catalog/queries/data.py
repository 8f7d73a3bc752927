"""The files of the current data of partitions, as they were recorded."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import DATA_STATES
from nbpart.catalog.key_lookup import KEY_SQL
from nbpart.states import DataState

if TYPE_CHECKING:
    import pyarrow as pa


def current_files(batch: Batch, asset_ids: Collection[int]) -> pa.Table:
    """The files of the current data of some assets, in the order of asset, member and name: a row a file.

    Columns: asset, partition_key, materialization_id, name, format, path, bytes, data_version, state. The file of a
    run that saved nothing is its executed notebook, with a null format. `state` is the last recorded state of the
    materialization; those recorded as deleted are included, since their files may be there again, and what was wiped
    or pruned is not.
    """
    among = ", ".join(str(int(asset_id)) for asset_id in asset_ids) or "NULL"
    return batch.arrow(
        f"""WITH lost AS ({DATA_STATES}),
        current AS (
            SELECT asset_id, key_id, materialization_id FROM partition_facts
            WHERE asset_id IN ({among}) AND materialization_id IS NOT NULL AND materialization_id NOT IN
                (SELECT materialization_id FROM lost WHERE state = '{DataState.PRUNED}')
            UNION ALL
            SELECT m.asset_id, m.key_id, max(m.materialization_id) AS materialization_id
            FROM materializations m JOIN partition_facts f ON f.asset_id = m.asset_id AND f.key_id = m.key_id
            WHERE m.asset_id IN ({among}) AND f.materialization_id IS NULL
            GROUP BY m.asset_id, m.key_id
            HAVING max(m.materialization_id) IN
                (SELECT materialization_id FROM lost WHERE state = '{DataState.DELETED}')
        ),
        executed AS (SELECT run_no, arg_max(notebook, attempt) AS notebook FROM attempts GROUP BY run_no)
        SELECT a.name AS asset, {KEY_SQL} AS partition_key, c.materialization_id, coalesce(d.name, '') AS name,
            d.format, coalesce(d.path, e.notebook) AS path, d.bytes, d.data_version,
            coalesce(lost.state, '{DataState.GOOD}') AS state
        FROM current c JOIN assets a USING (asset_id) JOIN members mb ON mb.set_id = a.set_id AND mb.key_id = c.key_id
        JOIN keys k ON k.key_id = c.key_id JOIN materializations m USING (materialization_id)
        LEFT JOIN data_files d ON d.materialization_id = c.materialization_id
        LEFT JOIN executed e ON e.run_no = m.run_no AND d.path IS NULL
        LEFT JOIN lost ON lost.materialization_id = c.materialization_id
        WHERE a.active AND a.kind <> 'source' AND coalesce(d.path, e.notebook) IS NOT NULL
        ORDER BY a.asset_id, mb.position, c.materialization_id, d.name"""
    )
