"""Deciding which partitions are stale, in the transaction that makes them so.

The code bit says that the current materialization was made by another code version than the asset has now; the input
bit that one of its inputs has other data now than it read; the bit above that an input has no data, or has a bit. What
changes goes through `mark_readers`: partitions that changed come in, and all that lies below them is decided, asset by
asset in the order of the graph.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.bound_columns import load_bound_columns
from nbpart.catalog.dependencies import load_dependencies
from nbpart.catalog.expressions import OUTCOME_FAILED, STALE_CODE, code_differs, quote
from nbpart.catalog.group_ledgers import forget_groups
from nbpart.catalog.ledger_shifts import shift_members
from nbpart.catalog.marking import Marking
from nbpart.partitions.mapping import By, Where

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def refresh_code(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the code bit of every partition of these assets, and what follows from it."""
    changed = batch.create_temp(
        "recoded",
        f"""SELECT p.rowid AS fact_row, p.asset_id, p.key_id FROM partition_facts AS p JOIN assets AS a USING (asset_id)
        JOIN materializations AS m USING (materialization_id)
        WHERE p.asset_id IN (SELECT unnest(?::INTEGER[]))
          AND (p.stale & {STALE_CODE} <> 0) <> {code_differs("m.code_version")}""",
        list(asset_ids),
    )
    if changed:
        # numbered, since DuckDB 1 counts the question marks of FROM before those of SET
        batch.execute(
            f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_CODE}), changed = $1
            FROM recoded AS r WHERE f.rowid = r.fact_row""",
            batch.sequence,
        )
        mark_readers(batch, "recoded", with_data=False)


def refresh_inputs(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the bits input and above of every partition of these assets, and what follows from them."""
    _refresh(batch, asset_ids)


def _refresh(batch: Batch, asset_ids: Sequence[int], condition: str = "", *values: Any) -> None:
    own = batch.create_temp(
        "reread",
        f"""SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
        WHERE materialization_id IS NOT NULL AND asset_id IN (SELECT unnest(?::INTEGER[])){condition}""",
        list(asset_ids),
        *values,
    )
    if own:
        Marking(batch).run("SELECT asset_id, key_id, false AS is_data FROM reread WHERE false", "reread")


def mark_readers(batch: Batch, changed: str, *, own: str | None = None, with_data: bool = True) -> None:
    """Set or clear the bits of what reads partitions that changed, directly or in turn.

    `changed` names a temporary table (asset_id, key_id) of these; without `with_data` only their bits changed. `own`
    names one of partitions that were materialized and whose own bits are decided too: (fact_row, asset_id, key_id,
    materialization_id, stale).
    """
    Marking(batch).run(f"SELECT asset_id, key_id, {with_data} AS is_data FROM {quote(changed)}", own)


def mark_made(batch: Batch, made: str, counts: Mapping[int, tuple[int, bool]]) -> None:
    """Set or clear the bits of partitions that runs made, which have none but their own, and of what reads them.

    `made` names a staged table as `own` of `mark_readers`, with a column is_data beside: whether the data are others
    than before. `counts` has, by asset, how many have a materialization_id and whether is_data holds for some. Ledgers
    are right but for the bits that are decided here.
    """
    Marking(batch).run_made(made, counts)


def mark_readers_of_set(batch: Batch, set_id: int, changed: str, *, have_left: bool, are_new: bool = False) -> None:
    """Set or clear the bits of what reads keys of a set that came or left; of what came back the own bits too.

    `changed` names a temporary table with the keys' key_id. Of keys that `are_new` nothing was ever made.
    """
    keys = f"SELECT key_id FROM {quote(changed)}"
    ids = [row[0] for row in batch.rows("SELECT asset_id FROM assets WHERE set_id = ?", set_id)]
    marking = Marking(batch)
    shift_members(batch, set_id, ids, keys, have_left=have_left)
    if are_new:  # only what reads other keys than its own reads them
        ids = [asset_id for asset_id in ids if marking.has_other_readers(asset_id)]
    selects = [_select_keys(asset_id, keys, are_new=are_new) for asset_id in ids]
    if not selects:
        return
    if not are_new:
        batch.create_temp(
            "returned",
            f"""SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
            WHERE materialization_id IS NOT NULL AND key_id IN ({keys}) AND asset_id IN (SELECT unnest(?::INTEGER[]))
              AND {not have_left}""",
            ids,
        )
    marking.run(" UNION ALL ".join(selects), None if are_new else "returned", are_members=True)


def mark_changed_columns(batch: Batch, set_id: int, changed: str, made_of: Sequence[int]) -> None:
    """Set or clear the bits of what binds a column of some keys of a set by name, or joins by one.

    `changed` names a temporary table of these keys (key_id), `made_of` the sets that have columns of this one.
    """
    forget_groups(batch, set_ids=(set_id, *made_of))
    every, some = set[int](), set[int]()
    for bound in load_bound_columns(batch):
        if bound.set_id in made_of:
            every.add(bound.asset_id)
        elif bound.set_id == set_id:
            some.add(bound.asset_id)
    if every or some:
        _touch_unmade(batch, sorted(every | some), changed)
    for each in load_dependencies(batch):
        if not isinstance(each.mapping, By | Where):
            continue
        if each.set_id in made_of or each.input_set_id in (set_id, *made_of):
            every.add(each.asset_id)
        elif each.set_id == set_id:
            some.add(each.asset_id)
    if every or some:
        those = f" AND (key_id IN (SELECT key_id FROM {quote(changed)}) OR asset_id IN (SELECT unnest(?::INTEGER[])))"
        _refresh(batch, sorted(every | some), those, sorted(every))


def _touch_unmade(batch: Batch, asset_ids: Sequence[int], changed: str) -> None:
    """Let what failed, or was never made, of keys whose columns changed be seen as touched: it has no bits to flip."""
    batch.execute(
        f"""WITH RECURSIVE made_of(key_id) AS (
            SELECT key_id FROM {quote(changed)}
            UNION SELECT p.key_id FROM key_parts AS p JOIN made_of AS m ON p.part_id = m.key_id)
        UPDATE partition_facts SET changed = $1
        WHERE (outcome = {OUTCOME_FAILED} OR materialization_id IS NULL) AND asset_id IN (SELECT unnest($2::INTEGER[]))
            AND key_id IN (SELECT key_id FROM made_of)""",
        *(batch.sequence, list(asset_ids)),
    )


def _select_keys(asset_id: int, keys: str, *, are_new: bool) -> str:
    has_data = (
        "false"
        if are_new
        else f"""key_id IN (
        SELECT key_id FROM partition_facts WHERE asset_id = {asset_id} AND data_hash IS NOT NULL)"""
    )
    return f"SELECT {asset_id} AS asset_id, key_id, {has_data} AS is_data FROM ({keys})"
