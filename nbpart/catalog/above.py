"""Which partitions read something that has no data, or that is stale itself: the bit *above*."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import STALE_ABOVE, quote
from nbpart.catalog.group_ledgers import load_group_sums
from nbpart.catalog.join_search import find_inputs
from nbpart.catalog.joins import relate
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.ledgers import load_ledger
from nbpart.catalog.set_tables import load_order
from nbpart.partitions.mapping import AllKeys, Same, Whole
from nbpart.partitions.relation import Relation, spread_readers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]
    Mask = NDArray[np.bool_]

#: Up to so many candidates only what they read is looked at.
_FEW = 10_000
#: The keys that a run was recorded to lack, by whichever mapping it read.
_LACKING = "coalesce(r.lacking, CASE WHEN r.n = 0 AND r.only_key IS NOT NULL THEN [r.only_key] END)"


def create_above(
    batch: Batch,
    dependencies: Sequence[StoredDependency],
    candidates: str,
    facts: str = "partition_facts",
    *,
    count: int = _FEW + 1,
    bits_of_self: bool = True,
) -> int:
    """Create the temporary table `stale_above` (key_id) of what reads something without data or with a bit.

    `candidates` names a temporary table (key_id, materialization_id) of partitions that have data, all of the asset
    whose `dependencies` are given, at most `count`. Without `bits_of_self` the bits of the asset's own partitions set
    nothing. Returns the number of rows.
    """
    selects = [
        select
        for place, each in enumerate(dependencies)
        if (
            select := _select_above(
                batch, each, candidates, facts, place, bits_of_self or each.input_id != each.asset_id, count <= _FEW
            )
        )
    ]
    return batch.create_temp("stale_above", " UNION ".join(selects) or "SELECT 0::BIGINT AS key_id WHERE false")


def create_above_of_all(
    batch: Batch, dependencies: Sequence[StoredDependency], asset_id: int, set_id: int, facts: str = "partition_facts"
) -> int:
    """Create `stale_above` for all members of an asset that have data, by the bits of all others and their own."""
    batch.create_temp(
        "above_every",
        f"""SELECT key_id, materialization_id, stale & {~STALE_ABOVE & 0xFF} AS stale FROM {quote(facts)}
        WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL
          AND key_id IN (SELECT key_id FROM members WHERE set_id = {set_id})""",
    )
    count = create_above(batch, dependencies, "above_every", facts, bits_of_self=False)
    own = [each for each in dependencies if each.input_id == asset_id]
    return _spread_within(batch, own, set_id) if own else count


def add_above(batch: Batch, facts: str) -> None:
    """Set the bit above, from nothing, in a table of facts in which no partition has it."""
    dependencies: dict[int, list[StoredDependency]] = {}
    for each in load_dependencies(batch):
        dependencies.setdefault(each.asset_id, []).append(each)
    for asset_id in sort_assets(dependencies):
        own = dependencies.get(asset_id)
        if own and create_above_of_all(batch, own, asset_id, own[0].set_id, facts):
            batch.execute(
                f"""UPDATE {quote(facts)} SET stale = stale | {STALE_ABOVE}
                WHERE asset_id = ? AND key_id IN (SELECT key_id FROM stale_above)""",
                asset_id,
            )


def sort_assets(inputs: Mapping[int, Sequence[StoredDependency]], among: Collection[int] | None = None) -> list[int]:
    """Assets in an order in which each comes after those that it reads; `inputs` has what each reads."""
    graph = {
        asset_id: {each.input_id for each in inputs.get(asset_id, ())} - {asset_id}
        for asset_id in (inputs if among is None else among)
    }
    order = TopologicalSorter(graph).static_order()
    return list(order) if among is None else [asset_id for asset_id in order if asset_id in among]


def _spread_within(batch: Batch, own: Sequence[StoredDependency], set_id: int) -> int:
    """Add to `stale_above` what reads, also in turn, a partition of the same asset with a bit; of `above_every`."""
    import pyarrow as pa

    ids = load_order(batch, set_id)
    stage_numbers(batch, "above_members", ids)
    state = batch.numpy(
        """SELECT e.key_id IS NOT NULL AS has_data, coalesce(e.stale, 0) <> 0 OR a.key_id IS NOT NULL AS is_stale,
            a.key_id IS NOT NULL AS is_above
        FROM above_members AS m LEFT JOIN above_every AS e ON e.key_id = m.id
        LEFT JOIN stale_above AS a ON a.key_id = m.id ORDER BY m.n"""
    )
    has_data, marked, above = state["has_data"], state["is_stale"] & state["has_data"], state["is_above"]
    relations = [relate(batch, each.join(batch), ids, ids) for each in own]
    count = -1
    while count != int(marked.sum()):  # once more only where an asset reads itself in several ways
        count = int(marked.sum())
        for relation in relations:
            marked = spread_readers(relation, marked, has_data)
    for relation in relations:
        above = above | (relation.mark_readers(marked) & has_data)
    batch.stage("above_found", pa.table({"key_id": ids[above]}))
    return batch.create_temp("stale_above", "SELECT key_id FROM above_found")


def _select_above(
    batch: Batch,
    dependency: StoredDependency,
    candidates: str,
    facts: str,
    place: int,
    with_bits: bool,
    is_few: bool,
) -> str:
    """A query of the key_id of candidates that this dependency gives something bad; "" where there are none."""
    mapping = dependency.mapping
    if isinstance(mapping, Same | Whole):
        return _select_plain(dependency, candidates, facts, is_few=is_few)
    if isinstance(mapping, AllKeys) and mapping.new == "ignore":
        # of what was made under another mapping it is not known which keys were read
        others, stale = f"above_unlisted_{place}", replace(dependency, mapping=AllKeys())
        unlisted = f"""SELECT c.* FROM {quote(candidates)} AS c LEFT JOIN ({_recorded(dependency)}) AS r
            USING (materialization_id) WHERE r.taken IS NULL"""
        more = batch.create_temp(others, unlisted) and _select_above(
            batch, stale, others, facts, place, with_bits, is_few
        )
        return _select_of_read(dependency, candidates, facts) + (f" UNION {more}" if more else "")
    if isinstance(mapping, AllKeys):
        ledger = load_ledger(batch, dependency.input_id, facts)
        if not ledger.has_bad:
            return ""
        if ledger.with_bit or not dependency.skips_missing:
            return f"SELECT key_id FROM {quote(candidates)}"
    readers: Ids = batch.numpy(f"SELECT DISTINCT key_id FROM {quote(candidates)}")["key_id"]
    found = readers[_mark_above(batch, dependency, candidates, readers, facts, with_bits)]
    if not len(found):
        return ""
    stage_numbers(batch, f"above_{place}", found)
    return f"SELECT id AS key_id FROM above_{place}"


def _select_plain(dependency: StoredDependency, candidates: str, facts: str, *, is_few: bool) -> str:
    """For an input that is read by the same key, or whole."""
    key = "c.key_id" if isinstance(dependency.mapping, Same) else "0"
    among = f" AND key_id IN (SELECT {key} FROM {quote(candidates)} AS c)"
    lacks, recorded = "f.data_hash IS NULL", ""
    if dependency.skips_missing:
        lacks += f" AND NOT coalesce(list_contains({_LACKING}, {key}), false)"
        recorded = f" LEFT JOIN ({_recorded(dependency)}) AS r ON r.materialization_id = c.materialization_id"
    return f"""SELECT c.key_id FROM {quote(candidates)} AS c LEFT JOIN (
            SELECT key_id, data_hash, stale FROM {quote(facts)}
            WHERE asset_id = {dependency.input_id}{among if is_few else ""}
        ) AS f ON f.key_id = {key}{recorded} WHERE coalesce(f.stale, 0) <> 0 OR ({lacks})"""


def _select_of_read(dependency: StoredDependency, candidates: str, facts: str) -> str:
    """For an input of which new keys are ignored: only what a run did read counts."""
    return f"""SELECT DISTINCT c.key_id FROM (
            SELECT c.key_id, unnest(r.taken) AS input_key FROM {quote(candidates)} AS c
            JOIN ({_recorded(dependency)}) AS r USING (materialization_id)) AS c
        JOIN (SELECT key_id FROM members WHERE set_id = {dependency.input_set_id}) AS m ON m.key_id = c.input_key
        LEFT JOIN (SELECT key_id, data_hash, stale FROM {quote(facts)} WHERE asset_id = {dependency.input_id}) AS f
            ON f.key_id = c.input_key
        WHERE f.data_hash IS NULL OR f.stale <> 0"""


def _recorded(dependency: StoredDependency) -> str:
    """What was recorded of the reading of an input. The argument is an identifier of Python."""
    return (
        "SELECT materialization_id, key_id AS only_key, n, lacking, taken FROM inputs"
        f" WHERE input_id = {dependency.input_id}"
        f" AND argument = '{dependency.argument}'"
    )


def _mark_above(
    batch: Batch, dependency: StoredDependency, candidates: str, readers: Ids, facts: str, with_bits: bool
) -> Mask:
    if (sums := load_group_sums(batch, dependency, readers, facts)) is not None:
        if not dependency.skips_missing:
            return sums.lacks | sums.has_bit
        if not (sums.lacks & ~sums.has_bit).any():  # else it counts which these are
            return sums.has_bit
    join = dependency.join(batch)
    inputs = find_inputs(batch, join, readers)
    stage_numbers(batch, "above_inputs", inputs)
    among = " AND key_id IN (SELECT id FROM above_inputs)" if len(inputs) <= _FEW else ""
    state = batch.numpy(
        f"""SELECT f.data_hash IS NULL AS lacks, coalesce(f.stale, 0) <> 0 AS has_bit FROM above_inputs AS s
        LEFT JOIN (SELECT key_id, data_hash, stale FROM {quote(facts)} WHERE asset_id = ?{among}) AS f
            ON f.key_id = s.id ORDER BY s.n""",
        dependency.input_id,
    )
    lacks, has_bit = state["lacks"], state["has_bit"] & with_bits
    if not (lacks.any() or has_bit.any()):
        return np.zeros(len(readers), bool)
    relation = relate(batch, join, readers, inputs)
    if not dependency.skips_missing:
        return relation.mark_readers(lacks | has_bit)
    marked = relation.mark_readers(has_bit)
    unsure = np.flatnonzero(relation.mark_readers(lacks) & ~marked)
    if len(unsure):
        recorded = _load_lacking(batch, dependency, candidates)
        for place in unsure.tolist():
            marked[place] = _lacks_more(relation, place, inputs, lacks, recorded.get(int(readers[place]), set()))
    return marked


def _load_lacking(batch: Batch, dependency: StoredDependency, candidates: str) -> dict[int, set[int]]:
    """The keys that each candidate was recorded to lack."""
    rows = batch.rows(
        f"""SELECT c.key_id, {_LACKING} FROM {quote(candidates)} AS c JOIN ({_recorded(dependency)}) AS r
            USING (materialization_id) WHERE {_LACKING} IS NOT NULL"""
    )
    return {int(key_id): set(lacking) for key_id, lacking in rows}


def _lacks_more(relation: Relation, reader: int, inputs: Ids, lacks: Mask, recorded: set[int]) -> bool:
    read = relation.inputs_of(reader)
    return not recorded.issuperset(inputs[read[lacks[read]]].tolist())
