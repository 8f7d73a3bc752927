"""Writing partition_facts: the one place that inserts a row there."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.expressions import quote

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def locate_facts(batch: Batch, name: str, partitions: str) -> int:
    """Keep as `name` the query `partitions` (asset_id, key_id, ...), one row a partition, with its facts beside.

    Added are fact_row, old_materialization, old_hash, old_active and old_run. A partition without facts gets a row of
    them first: a row of nothing, which means missing.
    """
    sql = f"""SELECT p.*, f.rowid AS fact_row, f.materialization_id AS old_materialization, f.data_hash AS old_hash,
        f.active AS old_active, f.active_run AS old_run
        FROM ({partitions}) AS p LEFT JOIN partition_facts AS f ON f.asset_id = p.asset_id AND f.key_id = p.key_id"""
    n = batch.keep(name, sql)
    added = batch.execute(
        f"""INSERT INTO partition_facts SELECT asset_id, key_id, NULL, NULL, 0, 0, 0, NULL, ? FROM {quote(name)}
        WHERE fact_row IS NULL""",
        batch.sequence,
    )
    return batch.keep(name, sql) if added else n
