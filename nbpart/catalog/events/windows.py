"""Windows of time become keys when they have ended: the clock of the batch says which."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nbpart.catalog.events.membership import record_joined, record_left
from nbpart.catalog.set_tables import load_stored_sets
from nbpart.partitions.windows import TimeWindowPartitions

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

#: The entry of `meta` that says when the next window of any set ends; "" where none does.
NEXT_END = "next_window_end"


def is_window_due(meta: dict[str, str], now: datetime) -> bool:
    """Whether a window has ended since the catalog was last brought up to the clock."""
    recorded = meta.get(NEXT_END, "")
    return bool(recorded) and datetime.fromisoformat(recorded) <= now


def add_ended_windows(batch: Batch) -> None:
    """Add the windows of all sets that have ended by now."""
    due = batch.rows("SELECT set_id FROM partition_sets WHERE next_end <= ? ORDER BY set_id", batch.now)
    for (set_id,) in due:
        set_windows(batch, set_id)
    if not due:
        _save_next_end(batch)


def set_windows(batch: Batch, set_id: int) -> None:
    """Make the keys of a set of windows what its definition says now."""
    import pyarrow as pa

    definition = load_stored_sets(batch)[set_id].definition
    assert isinstance(definition, TimeWindowPartitions)
    windows = definition.windows(batch.now)
    second = pa.timestamp("s", "UTC")
    wanted = pa.table(
        {
            "key": pa.array(windows.keys, pa.string()),
            "starts_s": windows.starts,
            "starts_at": pa.array(windows.starts, pa.int64()).cast(second),
            "ends_at": pa.array(windows.ends, pa.int64()).cast(second),
            "starts_local": pa.array(definition.local_starts(windows), pa.int64()).cast(pa.timestamp("s")),
        }
    )
    batch.stage("windows_wanted", wanted)
    n_new = _insert_unknown(batch, set_id)
    batch.create_temp(
        "windows_now",
        "SELECT k.key_id, w.* EXCLUDE key FROM windows_wanted AS w JOIN keys AS k USING (key) WHERE k.set_id = ?",
        set_id,
    )
    members = f"SELECT key_id FROM members WHERE set_id = {int(set_id)}"
    joined = batch.create_temp("windows_joined", f"SELECT key_id FROM windows_now EXCEPT {members}")
    left = batch.create_temp("windows_left", f"{members} EXCEPT SELECT key_id FROM windows_now")
    if left:
        batch.execute(f"DELETE FROM members WHERE set_id = {int(set_id)} AND key_id IN (FROM windows_left)")
    _save_windows(batch, set_id)
    if joined:
        batch.execute(
            """INSERT INTO members SELECT ?, key_id, starts_s FROM windows_now
            WHERE key_id IN (FROM windows_joined) ORDER BY starts_s""",
            set_id,
        )
        record_joined(batch, set_id, "windows_joined", are_new=joined == n_new)
    if left:
        record_left(batch, set_id, "windows_left")
    batch.execute("UPDATE partition_sets SET next_end = ? WHERE set_id = ?", definition.next_end(batch.now), set_id)
    _save_next_end(batch)


def _insert_unknown(batch: Batch, set_id: int) -> int:
    """Give ids to windows that were never keys of the set, in the order of time. Returns how many these are."""
    n = batch.create_temp(
        "windows_new",
        """SELECT key, starts_s FROM windows_wanted
        WHERE key NOT IN (SELECT key FROM keys WHERE set_id = ?)""",
        set_id,
    )
    if n:
        first = batch.take_ids("next_key_id", n)
        batch.execute(
            "INSERT INTO keys SELECT ? - 1 + row_number() OVER (ORDER BY starts_s), ?, key FROM windows_new",
            *(first, set_id),
        )
    return n


def _save_windows(batch: Batch, set_id: int) -> None:
    columns = "key_id, starts_at, ends_at, starts_local"
    known = f"SELECT {columns} FROM windows WHERE set_id = {int(set_id)}"
    if batch.create_temp("windows_moved", f"SELECT {columns} FROM windows_now EXCEPT {known}"):
        batch.execute("DELETE FROM windows WHERE set_id = ? AND key_id IN (SELECT key_id FROM windows_moved)", set_id)
        batch.execute(f"INSERT INTO windows SELECT ?, {columns} FROM windows_moved ORDER BY starts_at", set_id)


def _save_next_end(batch: Batch) -> None:
    following = batch.value("SELECT min(next_end) FROM partition_sets")
    batch.meta[NEXT_END] = "" if following is None else following.astimezone(UTC).isoformat()
