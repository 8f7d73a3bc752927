"""What all keys of an input come to, for those that read all of them: kept by difference, never counted anew for one.

An asset has a ledger only while something reads all of its keys. One that is not there is counted when it is asked for.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave

from __future__ import annotations

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


def shift_ledger(batch: Batch, asset_id: int, old: Ledger, new: Ledger) -> None:
    """Keep the ledger of an asset, where it has one, when some of its keys come to something else."""
    known = load_ledgers(batch).get(asset_id)
    if known and old != new:
        load_ledgers(batch)[asset_id] = ledger = known.shifted(old, new)
        batch.execute(
            "UPDATE ledgers SET members = ?, with_data = ?, with_bit = ?, data_hash = ? WHERE asset_id = ?",
            *(ledger.members, ledger.with_data, ledger.with_bit, ledger.data_hash, asset_id),
        )


def forget_ledger(batch: Batch, asset_id: int) -> None:
    """Let the ledger of an asset be counted when it is asked for."""
    load_ledgers(batch).pop(asset_id, None)
    batch.execute("DELETE FROM ledgers WHERE asset_id = ?", asset_id)


def find_wrong_ledgers(batch: Batch) -> list[tuple[int, Ledger, Ledger]]:
    """Ledgers that are not what the facts come to: (asset id, as recorded, as counted)."""
    rows = batch.rows("SELECT asset_id, members, with_data, with_bit, data_hash FROM ledgers ORDER BY asset_id")
    kept = [(asset_id, Ledger(*sums), _count(batch, asset_id, "partition_facts")) for asset_id, *sums in rows]
    return [one for one in kept if one[1] != one[2]]


def _count(batch: Batch, asset_id: int, facts: str) -> Ledger:
    members = f"SELECT key_id FROM members WHERE set_id = {asset_set_id(batch, asset_id)}"
    row = batch.row(
        f"""SELECT count(*), count(f.data_hash), count(f.data_hash) FILTER (f.stale <> 0),
            coalesce(bit_xor({element_hash("f.key_id", "f.data_hash")}) FILTER (f.data_hash IS NOT NULL), 0)
        FROM ({members}) AS m LEFT JOIN (
            SELECT key_id, data_hash, stale FROM {quote(facts)} WHERE asset_id = {int(asset_id)}
        ) AS f USING (key_id)"""
    )
    assert row is not None, "an aggregate has a row"
    return Ledger(*row)
