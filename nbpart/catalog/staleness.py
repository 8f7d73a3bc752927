"""Deciding which partitions are stale, and why, in the transaction that makes them so.

The code bit says that the current materialization was made by another code version than the asset has now. The input
bit says that one of its inputs has other data now than it read. Only direct readers are marked: when they are made
again and come out different, their readers follow.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import STALE_CODE, STALE_INPUT, element_hash, order_free_hash, quote
from nbpart.catalog.join_search import find_inputs, find_readers
from nbpart.catalog.joins import relate
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.partitions.mapping import AllKeys, Same, Whole, mapping_to_text, reads_newest
from nbpart.partitions.relation_folds import xor_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

_SAME, _WHOLE, _ALL = (mapping_to_text(one) for one in (Same(), Whole(), AllKeys()))


def refresh_code(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the code bit of every partition of these assets."""
    # numbered, since DuckDB 1 counts the question marks of FROM before those of SET
    batch.execute(
        f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_CODE}), changed = $1
        FROM (
            SELECT p.rowid AS fact_row
            FROM partition_facts AS p JOIN assets AS a USING (asset_id)
            JOIN materializations AS m USING (materialization_id)
            WHERE p.asset_id IN (SELECT unnest($2::INTEGER[]))
              AND (p.stale & {STALE_CODE} <> 0) <> {code_differs("m.code_version")}
        ) AS wrong
        WHERE f.rowid = wrong.fact_row""",
        batch.sequence,
        list(asset_ids),
    )


def refresh_inputs(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the input bit of every partition of these assets."""
    affected = batch.create_temp(
        "stale_affected",
        """SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
        WHERE materialization_id IS NOT NULL AND asset_id IN (SELECT unnest(?::INTEGER[]))""",
        list(asset_ids),
    )
    if affected:
        _refresh_affected(batch)


def mark_readers(batch: Batch, changed: str, *, own: str | None = None) -> None:
    """Set or clear the input bit of what reads partitions whose data changed.

    `changed` names a temporary table (asset_id, key_id) of these. `own` names one of partitions that were materialized
    and whose own bit is decided too: (fact_row, asset_id, key_id, materialization_id, stale).
    """
    dependencies = load_dependencies(batch, f"d.input_id IN (SELECT asset_id FROM {quote(changed)})")
    columns = "asset_id, key_id, materialization_id, stale"
    selects = [f"SELECT fact_row, {columns} FROM {quote(own)} WHERE materialization_id IS NOT NULL"] if own else []
    for place, each in enumerate(dependencies):
        among = f"SELECT key_id FROM {quote(changed)} WHERE asset_id = {each.input_id}"
        readers = _search_readers(batch, each, among, f"stale_readers_{place}")
        selects.append(
            f"SELECT rowid AS fact_row, {columns} FROM partition_facts"
            f" WHERE materialization_id IS NOT NULL AND asset_id = {each.asset_id}{readers}"
        )
    if selects and batch.create_temp("stale_affected", " UNION ".join(selects)):
        _refresh_affected(batch)


def mark_readers_of_set(batch: Batch, set_id: int, changed: str) -> None:
    """Set or clear the input bit of what reads keys of a set, where keys that have data came or went.

    `changed` names a temporary table with the keys' key_id.
    """
    has_data = f"""SELECT count(*) FROM partition_facts
        WHERE asset_id = ? AND data_hash IS NOT NULL AND key_id IN (SELECT key_id FROM {quote(changed)})"""
    columns = "rowid AS fact_row, asset_id, key_id, materialization_id, stale"
    selects = []
    for place, each in enumerate(load_dependencies(batch, f"i.set_id = {int(set_id)}")):
        if isinstance(each.mapping, Same | Whole) or not batch.value(has_data, each.input_id):
            continue
        readers = _search_readers(batch, each, f"SELECT key_id FROM {quote(changed)}", f"stale_readers_{place}")
        selects.append(
            f"SELECT {columns} FROM partition_facts"
            f" WHERE materialization_id IS NOT NULL AND asset_id = {each.asset_id}{readers}"
        )
    if selects and batch.create_temp("stale_affected", " UNION ".join(selects)):
        _refresh_affected(batch)


def _search_readers(batch: Batch, dependency: StoredDependency, changed: str, table: str) -> str:
    """The SQL condition, with its AND, on the key_id of what may read some keys, those of the query `changed`."""
    if isinstance(dependency.mapping, Same):
        return f" AND key_id IN ({changed})"
    if isinstance(dependency.mapping, Whole | AllKeys) or reads_newest(dependency.mapping):
        return ""
    found = find_readers(batch, dependency.join(batch), batch.numpy(changed)["key_id"])
    stage_numbers(batch, table, found)
    return f" AND key_id IN (SELECT id FROM {table})"


def code_differs(made_by: str) -> str:
    """The SQL condition that the code version `made_by` is not that of the asset `a` now; a source has none."""
    return f"(a.kind <> 'source' AND {made_by} IS DISTINCT FROM a.code_version)"


def create_stale_disagreeing(batch: Batch, partitions: str, facts: str = "partition_facts") -> int:
    """Create the temporary table `stale_disagreeing` of partitions that read other data than is there now.

    Its columns are asset_id, key_id and input_id: a row for each of their inputs that differs. Returns the number of
    rows. `partitions` names a temporary table (asset_id, key_id, materialization_id), `facts` the facts to compare
    with. An input that the asset has no more, or had not then, does not count: that is a change of code.
    """
    reads = batch.create_temp(
        "stale_reads",
        f"""SELECT p.asset_id, p.key_id, i.input_id, i.argument, i.key_id AS input_key, i.data_hash,
            CASE d.mapping WHEN '{_SAME}' THEN i.key_id = p.key_id WHEN '{_WHOLE}' THEN i.key_id = 0
                ELSE d.mapping = '{_ALL}' AND i.key_id IS NULL END AS is_plain
        FROM {quote(partitions)} AS p JOIN inputs AS i USING (materialization_id)
        JOIN dependencies AS d ON d.asset_id = p.asset_id AND d.input_id = i.input_id AND d.argument = i.argument""",
    )
    differ = f"""SELECT DISTINCT r.asset_id, r.key_id, r.input_id FROM stale_reads AS r
        LEFT JOIN {quote(facts)} AS f ON f.asset_id = r.input_id AND f.key_id = r.input_key
        WHERE r.is_plain AND r.input_key IS NOT NULL AND f.data_hash IS DISTINCT FROM r.data_hash"""
    every = "SELECT DISTINCT input_id FROM stale_reads WHERE is_plain AND input_key IS NULL"
    many = [row[0] for row in batch.rows(every)] if reads else []
    if many:
        _create_stale_hashes(batch, many, facts)
        differ += """
        UNION SELECT r.asset_id, r.key_id, r.input_id FROM stale_reads AS r LEFT JOIN stale_hashes AS h USING (input_id)
        WHERE r.is_plain AND r.input_key IS NULL AND coalesce(h.data_hash, 0) IS DISTINCT FROM r.data_hash"""
    if reads and batch.value("SELECT count(*) FROM stale_reads WHERE NOT is_plain"):
        _stage_differing(batch, facts)
        differ += " UNION SELECT asset_id, key_id, input_id FROM stale_differing"
    return batch.create_temp("stale_disagreeing", differ)


def _stage_differing(batch: Batch, facts: str) -> None:
    """Stage the table `stale_differing` (asset_id, key_id, input_id) of those of `stale_reads` that are not plain."""
    import pyarrow as pa

    found = {name: [np.empty(0, np.int64)] for name in ("asset_id", "key_id", "input_id")}
    wanted = "SELECT (asset_id, input_id, argument) FROM stale_reads WHERE NOT is_plain"
    for each in load_dependencies(batch, f"(d.asset_id, d.input_id, d.argument) IN ({wanted})"):
        reads = batch.numpy(
            f"""SELECT key_id, coalesce(CASE WHEN input_key IS NULL THEN data_hash
                ELSE {element_hash("input_key", "data_hash")} END, 0) AS hash FROM stale_reads
            WHERE NOT is_plain AND asset_id = ? AND input_id = ? AND argument = ?""",
            *(each.asset_id, each.input_id, each.argument),
        )
        differs = reads["key_id"][_hash_inputs(batch, each, reads["key_id"], facts) != reads["hash"]]
        found["key_id"].append(differs)
        found["asset_id"].append(np.full(len(differs), each.asset_id))
        found["input_id"].append(np.full(len(differs), each.input_id))
    batch.stage("stale_differing", pa.table({name: np.concatenate(parts) for name, parts in found.items()}))


def _hash_inputs(batch: Batch, dependency: StoredDependency, readers: NDArray[np.int64], facts: str) -> Any:
    """The order-free hash over what each of these keys reads now."""
    join = dependency.join(batch)
    inputs = find_inputs(batch, join, readers)
    stage_numbers(batch, "stale_inputs", inputs)
    elements = batch.numpy(
        f"""SELECT coalesce({element_hash("f.key_id", "f.data_hash")}, 0) AS hash FROM stale_inputs AS s
        LEFT JOIN (SELECT key_id, data_hash FROM {quote(facts)} WHERE asset_id = ? AND data_hash IS NOT NULL) AS f
            ON f.key_id = s.id ORDER BY s.n""",
        dependency.input_id,
    )["hash"]
    return xor_inputs(relate(batch, join, readers, inputs), elements)


def _create_stale_hashes(batch: Batch, input_ids: list[int], facts: str) -> None:
    """Create the temporary table `stale_hashes` (input_id, data_hash): the order-free hash of each input's members."""
    batch.create_temp(
        "stale_hashes",
        f"""SELECT f.asset_id AS input_id, {order_free_hash("f.key_id", "f.data_hash")} AS data_hash
        FROM assets AS a JOIN members AS m USING (set_id)
        JOIN {quote(facts)} AS f ON f.asset_id = a.asset_id AND f.key_id = m.key_id
        WHERE a.asset_id IN (SELECT unnest(?::INTEGER[])) AND f.data_hash IS NOT NULL
        GROUP BY f.asset_id""",
        input_ids,
    )


def _refresh_affected(batch: Batch) -> None:
    disagreeing = create_stale_disagreeing(batch, "stale_affected")
    if not disagreeing and not batch.value(f"SELECT count(*) FROM stale_affected WHERE stale & {STALE_INPUT} <> 0"):
        return
    batch.execute(
        f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_INPUT}), changed = ?
        FROM stale_affected AS s LEFT JOIN
            (SELECT DISTINCT asset_id, key_id, true AS is_stale FROM stale_disagreeing) AS d
            ON d.asset_id = s.asset_id AND d.key_id = s.key_id
        WHERE f.rowid = s.fact_row AND (s.stale & {STALE_INPUT} <> 0) <> coalesce(d.is_stale, false)""",
        batch.sequence,
    )
