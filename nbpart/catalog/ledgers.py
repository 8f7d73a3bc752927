"""What all keys of an input come to, for those that read all of them: kept by difference, never counted anew for one.

An asset has a ledger only while something reads all of its keys. One that is not there is counted when it is asked for.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import element_hash, quote
from nbpart.catalog.set_tables import asset_set_id

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many keys an asset's set has, how many of them have data, how many of these have a bit of staleness.

    ``data_hash`` is the order-free hash over the data of all.
    """

    members: int = 0
    with_data: int = 0
    with_bit: int = 0
    data_hash: int = 0

    @property
    def has_bad(self) -> bool:
        """Whether a key has no data or has a bit."""
        return self.members > self.with_data or self.with_bit > 0

    def shifted(self, old: Ledger, new: Ledger) -> Ledger:
        """The ledger after some keys that came to ``old`` come to ``new``."""
        return Ledger(
            self.members - old.members + new.members,
            self.with_data - old.with_data + new.with_data,
            self.with_bit - old.with_bit + new.with_bit,
            self.data_hash ^ old.data_hash ^ new.data_hash,
        )


@dataclass(frozen=True, slots=True)
class FactChange:
    """What the facts of a partition were and are; a hash that is None is that of no data."""

    key_id: int
    old_hash: int | None
    old_stale: int
    new_hash: int | None
    new_stale: int


def load_ledgers(batch: Batch) -> dict[int, Ledger]:
    """The ledgers that are kept, by asset; what the functions here change is changed in it too."""
    query = "SELECT asset_id, members, with_data, with_bit, data_hash FROM ledgers"
    return batch.remember("ledgers", lambda: {asset_id: Ledger(*sums) for asset_id, *sums in batch.rows(query)})


def load_ledger(batch: Batch, asset_id: int, facts: str = "partition_facts") -> Ledger:
    """What all keys of an asset come to by the table `facts`. A write keeps what it had to count."""
    if facts != "partition_facts":
        return _count(batch, asset_id, facts)
    ledgers = load_ledgers(batch)
    if asset_id in ledgers:
        return ledgers[asset_id]
    ledger = _count(batch, asset_id, facts)
    if batch.writes:
        values = (ledger.members, ledger.with_data, ledger.with_bit, ledger.data_hash)
        batch.execute("INSERT INTO ledgers VALUES (?, ?, ?, ?, ?)", asset_id, *values)
        ledgers[asset_id] = ledger
    return ledger


def sum_keys(batch: Batch, asset_id: int, keys: str) -> Ledger:
    """What some keys, those of the query `keys` (key_id), come to now."""
    return _count(batch, asset_id, "partition_facts", keys)


def shift_for(batch: Batch, asset_id: int, set_id: int, changes: Sequence[FactChange]) -> None:
    """Keep the ledger of an asset, where it has one, when the facts of some keys of its set, each once, change."""
    if asset_id not in load_ledgers(batch):
        return
    ids = ", ".join(str(int(one.key_id)) for one in changes)  # bound, they take twice as long
    rows = batch.rows(f"SELECT key_id FROM members WHERE set_id = ? AND key_id IN ({ids})", set_id)
    members, shifted = {key_id for (key_id,) in rows}, load_ledgers(batch)[asset_id]
    for one in changes:
        if one.key_id in members:
            old = _weigh(one.key_id, one.old_hash, one.old_stale)
            shifted = shifted.shifted(old, _weigh(one.key_id, one.new_hash, one.new_stale))
    _save(batch, asset_id, shifted)


def shift_ledger(batch: Batch, asset_id: int, old: Ledger, new: Ledger) -> None:
    """Keep the ledger of an asset, where it has one, when some of its keys come to something else."""
    if known := load_ledgers(batch).get(asset_id):
        _save(batch, asset_id, known.shifted(old, new))


def forget_ledger(batch: Batch, asset_id: int) -> None:
    """Let the ledger of an asset be counted when it is asked for."""
    load_ledgers(batch).pop(asset_id, None)
    batch.execute("DELETE FROM ledgers WHERE asset_id = ?", asset_id)


def find_wrong_ledgers(batch: Batch) -> list[tuple[int, Ledger, Ledger]]:
    """Ledgers that are not what the facts come to: (asset id, as recorded, as counted)."""
    rows = batch.rows("SELECT asset_id, members, with_data, with_bit, data_hash FROM ledgers ORDER BY asset_id")
    kept = [(asset_id, Ledger(*sums), _count(batch, asset_id, "partition_facts")) for asset_id, *sums in rows]
    return [one for one in kept if one[1] != one[2]]


def _save(batch: Batch, asset_id: int, ledger: Ledger) -> None:
    if ledger != load_ledgers(batch)[asset_id]:
        load_ledgers(batch)[asset_id] = ledger
        batch.execute(
            "UPDATE ledgers SET members = ?, with_data = ?, with_bit = ?, data_hash = ? WHERE asset_id = ?",
            *(ledger.members, ledger.with_data, ledger.with_bit, ledger.data_hash, asset_id),
        )


def _weigh(key_id: int, data_hash: int | None, stale: int) -> Ledger:
    """What one key comes to; its hash is `element_hash`."""
    if data_hash is None:
        return Ledger(members=1)
    digest = hashlib.md5(f"{key_id}:{data_hash}".encode(), usedforsecurity=False).digest()
    return Ledger(1, 1, int(stale != 0), int.from_bytes(digest[8:], "little"))


def _count(batch: Batch, asset_id: int, facts: str, keys: str = "") -> Ledger:
    among = f" AND key_id IN ({keys})" if keys else ""
    members = keys or f"SELECT key_id FROM members WHERE set_id = {asset_set_id(batch, asset_id)}"
    row = batch.row(
        f"""SELECT count(*), count(f.data_hash), count(f.data_hash) FILTER (f.stale <> 0),
            coalesce(bit_xor({element_hash("f.key_id", "f.data_hash")}) FILTER (f.data_hash IS NOT NULL), 0)
        FROM ({members}) AS m LEFT JOIN (
            SELECT key_id, data_hash, stale FROM {quote(facts)} WHERE asset_id = {int(asset_id)}{among}
        ) AS f USING (key_id)"""
    )
    assert row is not None, "an aggregate has a row"
    return Ledger(*row)
