"""Comparing what materializations read with what is there now."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.bound_columns import select_changed
from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import element_hash, quote, recorded_hash
from nbpart.catalog.group_ledgers import load_group_sums
from nbpart.catalog.join_search import find_inputs
from nbpart.catalog.joins import relate
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.ledgers import load_ledger
from nbpart.partitions.mapping import AllKeys, Same, Whole, mapping_to_text
from nbpart.partitions.relation_folds import xor_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

_SAME, _WHOLE, _ALL = (mapping_to_text(one) for one in (Same(), Whole(), AllKeys()))


def create_stale_disagreeing(batch: Batch, partitions: str, facts: str = "partition_facts") -> int:
    """Create the temporary table `stale_disagreeing` of partitions that read other data than is there now.

    Its columns are asset_id, key_id and input_id: a row for each of their inputs that differs. Returns the number of
    rows. `partitions` names a temporary table (asset_id, key_id, materialization_id), `facts` the facts to compare
    with. An input that the asset has no more, or had not then, does not count: that is a change of code. A column that
    it binds and that is another one now is an input with the id 0.
    """
    reads = batch.create_temp(
        "stale_reads",
        f"""SELECT p.asset_id, p.key_id, i.input_id, i.argument, i.key_id AS input_key, i.data_hash,
            i.taken IS NOT NULL AS has_taken,
            coalesce(CASE d.mapping WHEN '{_SAME}' THEN i.key_id = p.key_id WHEN '{_WHOLE}' THEN i.key_id = 0
                ELSE d.mapping = '{_ALL}' AND i.key_id IS NULL END, false) AS is_plain
        FROM {quote(partitions)} AS p JOIN inputs AS i USING (materialization_id)
        JOIN dependencies AS d ON d.asset_id = p.asset_id AND d.input_id = i.input_id AND d.argument = i.argument""",
    )
    differ = f"""SELECT DISTINCT r.asset_id, r.key_id, r.input_id FROM stale_reads AS r
        LEFT JOIN {quote(facts)} AS f ON f.asset_id = r.input_id AND f.key_id = r.input_key
        WHERE r.is_plain AND r.input_key IS NOT NULL AND f.data_hash IS DISTINCT FROM r.data_hash"""
    every = "SELECT DISTINCT input_id FROM stale_reads WHERE is_plain AND input_key IS NULL"
    many = [row[0] for row in batch.rows(every)] if reads else []
    if many:
        ledgers = [(input_id, load_ledger(batch, input_id, facts).data_hash) for input_id in many]
        _stage_hashes(batch, ledgers)
        differ += """
        UNION SELECT r.asset_id, r.key_id, r.input_id FROM stale_reads AS r JOIN stale_hashes AS h USING (input_id)
        WHERE r.is_plain AND r.input_key IS NULL AND h.data_hash IS DISTINCT FROM r.data_hash"""
    if reads and batch.value("SELECT count(*) FROM stale_reads WHERE NOT is_plain"):
        _stage_differing(batch, partitions, facts)
        differ += " UNION SELECT asset_id, key_id, input_id FROM stale_differing"
    if changed_columns := select_changed(batch, partitions):
        differ += f" UNION {changed_columns}"
    return batch.create_temp("stale_disagreeing", differ)


def _stage_differing(batch: Batch, partitions: str, facts: str) -> None:
    """Stage the table `stale_differing` (asset_id, key_id, input_id) of those of `stale_reads` that are not plain."""
    import pyarrow as pa

    found = {name: [np.empty(0, np.int64)] for name in ("asset_id", "key_id", "input_id")}
    wanted = "SELECT (asset_id, input_id, argument) FROM stale_reads WHERE NOT is_plain"
    for each in load_dependencies(batch, f"(d.asset_id, d.input_id, d.argument) IN ({wanted})"):
        differs = _find_differing(batch, each, partitions, facts)
        found["key_id"].append(differs)
        found["asset_id"].append(np.full(len(differs), each.asset_id))
        found["input_id"].append(np.full(len(differs), each.input_id))
    batch.stage("stale_differing", pa.table({name: np.concatenate(parts) for name, parts in found.items()}))


def _find_differing(batch: Batch, dependency: StoredDependency, partitions: str, facts: str) -> NDArray[np.int64]:
    """The readers of `stale_reads` of which the hash over what their mapping gives is another one."""
    ignores_new = isinstance(dependency.mapping, AllKeys) and dependency.mapping.new == "ignore"
    reads = batch.numpy(
        f"""SELECT key_id, {recorded_hash("input_key", "data_hash")} AS hash FROM stale_reads
        WHERE NOT (is_plain OR {ignores_new} AND has_taken) AND asset_id = ? AND input_id = ? AND argument = ?""",
        *(dependency.asset_id, dependency.input_id, dependency.argument),
    )
    differs: NDArray[np.int64] = reads["key_id"][
        _hash_inputs(batch, dependency, reads["key_id"], facts) != reads["hash"]
    ]
    if ignores_new:
        return np.concatenate((differs, _find_changed_reads(batch, dependency, partitions, facts)))
    return differs


def _find_changed_reads(batch: Batch, dependency: StoredDependency, partitions: str, facts: str) -> NDArray[np.int64]:
    """The readers of an input of which new keys are ignored, where what they did read is not there any more."""
    changed: NDArray[np.int64] = batch.numpy(
        f"""WITH reads AS (
            SELECT p.key_id, i.data_hash, unnest(i.taken || coalesce(i.lacking, [])) AS input_key
            FROM {quote(partitions)} AS p JOIN inputs AS i USING (materialization_id)
            WHERE p.asset_id = ? AND i.input_id = ? AND i.argument = ?)
        SELECT r.key_id FROM reads AS r
        LEFT JOIN (SELECT key_id FROM members WHERE set_id = ?) AS m ON m.key_id = r.input_key
        LEFT JOIN (SELECT key_id, data_hash FROM {quote(facts)} WHERE asset_id = ?) AS f ON f.key_id = m.key_id
        GROUP BY r.key_id
        HAVING coalesce(bit_xor({element_hash("f.key_id", "f.data_hash")}) FILTER (f.data_hash IS NOT NULL), 0)
            <> any_value(r.data_hash)""",
        *(dependency.asset_id, dependency.input_id, dependency.argument),
        *(dependency.input_set_id, dependency.input_id),
    )["key_id"]
    return changed


def _hash_inputs(batch: Batch, dependency: StoredDependency, readers: NDArray[np.int64], facts: str) -> Any:
    """The order-free hash over what each of these keys reads now."""
    if (sums := load_group_sums(batch, dependency, readers, facts)) is not None:
        return sums.data_hash
    join = dependency.join(batch)
    inputs = find_inputs(batch, join, readers)
    stage_numbers(batch, "stale_inputs", inputs)
    elements = batch.numpy(
        f"""SELECT CASE WHEN f.data_hash IS NULL THEN 0 ELSE {element_hash("f.key_id", "f.data_hash")} END AS hash
        FROM stale_inputs AS s LEFT JOIN (SELECT key_id, data_hash FROM {quote(facts)} WHERE asset_id = ?) AS f
            ON f.key_id = s.id ORDER BY s.n""",
        dependency.input_id,
    )["hash"]
    return xor_inputs(relate(batch, join, readers, inputs), elements)


def _stage_hashes(batch: Batch, hashes: Sequence[tuple[int, int]]) -> None:
    """Stage the table `stale_hashes` (input_id, data_hash): the order-free hash of each input's members."""
    import pyarrow as pa

    ids, values = zip(*hashes, strict=True)
    batch.stage("stale_hashes", pa.table({"input_id": ids, "data_hash": pa.array(values, pa.uint64())}))
