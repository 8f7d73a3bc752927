"""Keeping what is known of the sums over an asset's keys, of all (`ledgers`) and of groups, when some keys change."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import element_hash
from nbpart.catalog.group_ledgers import forget_groups, list_grouped, shift_groups
from nbpart.catalog.ledgers import Ledger, forget_ledger, load_ledgers, shift_ledger
from nbpart.catalog.set_tables import asset_set_id

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


@dataclass(frozen=True, slots=True)
class FactChange:
    """What the facts of a partition were and are; a hash that is None is that of no data."""

    key_id: int
    old_hash: int | None
    old_stale: int
    new_hash: int | None
    new_stale: int


def has_sums(batch: Batch, asset_id: int) -> bool:
    """Whether something is kept of an asset."""
    return asset_id in load_ledgers(batch) or asset_id in list_grouped(batch)


def forget_sums(batch: Batch, asset_id: int) -> None:
    """Let all that is kept of an asset be counted when it is asked for."""
    if asset_id in load_ledgers(batch):
        forget_ledger(batch, asset_id)
    forget_groups(batch, asset_id=asset_id)


def shift_facts(batch: Batch, asset_id: int, set_id: int, changes: Sequence[FactChange]) -> None:
    """Keep the sums of an asset when the facts of some keys of its set, each once, change."""
    if not has_sums(batch, asset_id):
        return
    ids = ", ".join(str(int(one.key_id)) for one in changes)  # bound, they take twice as long
    rows = batch.rows(f"SELECT key_id FROM members WHERE set_id = ? AND key_id IN ({ids})", set_id)
    members = {key_id for (key_id,) in rows}
    old = {one.key_id: _weigh(one.key_id, one.old_hash, one.old_stale) for one in changes if one.key_id in members}
    new = {one.key_id: _weigh(one.key_id, one.new_hash, one.new_stale) for one in changes if one.key_id in members}
    shift_ledger(batch, asset_id, _add(old.values()), _add(new.values()))
    if asset_id in list_grouped(batch):
        _stage_shifts(batch, old, new)
        shift_groups(batch, asset_id, "FROM ledger_shifts")


def shift_members(batch: Batch, set_id: int, asset_ids: Sequence[int], keys: str, *, have_left: bool) -> None:
    """Keep the sums of these assets of a set when some keys, those of the query `keys` (key_id), came or left."""
    sign = -1 if have_left else 1
    for asset_id in asset_ids:
        if not has_sums(batch, asset_id):
            continue
        facts = f"""SELECT m.key_id, {sign} AS members, {sign} * (f.data_hash IS NOT NULL)::INTEGER AS with_data,
                {sign} * (f.data_hash IS NOT NULL AND f.stale <> 0)::INTEGER AS with_bit,
                CASE WHEN f.data_hash IS NULL THEN 0::UBIGINT ELSE {element_hash("f.key_id", "f.data_hash")} END
                    AS data_hash
            FROM ({keys}) AS m LEFT JOIN (SELECT key_id, data_hash, stale FROM partition_facts
                WHERE asset_id = {asset_id} AND key_id IN ({keys})) AS f USING (key_id)"""
        if asset_id in load_ledgers(batch):
            row = batch.row(f"SELECT sum(members), sum(with_data), sum(with_bit), bit_xor(data_hash) FROM ({facts})")
            assert row is not None, "an aggregate has a row"
            shift_ledger(batch, asset_id, Ledger(), Ledger(*(int(one or 0) for one in row)))
        shift_groups(batch, asset_id, facts)


def shift_bits(batch: Batch, asset_id: int, flips: str) -> None:
    """Keep the sums of an asset when some keys, those of the query `flips` (key_id, is_stale), got or lost all bits."""
    if not has_sums(batch, asset_id):
        return
    members = f"SELECT key_id FROM members WHERE set_id = {asset_set_id(batch, asset_id)}"
    batch.create_temp(
        "ledger_flips",
        f"""SELECT key_id, 0 AS members, 0 AS with_data, CASE WHEN is_stale THEN 1 ELSE -1 END AS with_bit,
            0::UBIGINT AS data_hash FROM ({flips}) WHERE key_id IN ({members})""",
    )
    if asset_id in load_ledgers(batch):
        bits = int(batch.value("SELECT coalesce(sum(with_bit), 0) FROM ledger_flips"))
        shift_ledger(batch, asset_id, Ledger(), Ledger(with_bit=bits))
    shift_groups(batch, asset_id, "FROM ledger_flips")


def _stage_shifts(batch: Batch, old: dict[int, Ledger], new: dict[int, Ledger]) -> None:
    import pyarrow as pa

    shifts = [(key_id, Ledger().shifted(old[key_id], new[key_id])) for key_id in old]
    columns = {
        "key_id": pa.array([key_id for key_id, _ in shifts], pa.int64()),
        "members": pa.array([one.members for _, one in shifts], pa.int64()),
        "with_data": pa.array([one.with_data for _, one in shifts], pa.int64()),
        "with_bit": pa.array([one.with_bit for _, one in shifts], pa.int64()),
        "data_hash": pa.array([one.data_hash for _, one in shifts], pa.uint64()),
    }
    batch.stage("ledger_shifts", pa.table(columns))


def _add(weights: Iterable[Ledger]) -> Ledger:
    total = Ledger()
    for one in weights:
        total = total.shifted(Ledger(), one)
    return total


def _weigh(key_id: int, data_hash: int | None, stale: int) -> Ledger:
    """What one key comes to; its hash is `element_hash`."""
    if data_hash is None:
        return Ledger(members=1)
    digest = hashlib.md5(f"{key_id}:{data_hash}".encode(), usedforsecurity=False).digest()
    return Ledger(1, 1, int(stale != 0), int.from_bytes(digest[8:], "little"))
