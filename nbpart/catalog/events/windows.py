"""Windows of time become keys when they have ended: the clock of the batch says which."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nbpart.catalog.events.membership import record_joined, record_left
from nbpart.catalog.set_tables import load_stored_sets
from nbpart.partitions.windows import TimeWindowPartitions, Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        definition = _load_windows(batch, set_id)
        last = batch.value("SELECT max(position) FROM members WHERE set_id = ?", set_id)
        is_new = _stage_windows(batch, set_id, definition, definition.windows(batch.now, after=last))
        _add_staged(batch, set_id, is_new)
        _save_set_end(batch, set_id, definition)
    _save_next_end(batch)


def set_windows(batch: Batch, set_id: int) -> None:
    """Make the keys of a set of windows what its definition says now."""
    definition = _load_windows(batch, set_id)
    is_new = _stage_windows(batch, set_id, definition, definition.windows(batch.now))
    members = f"SELECT key_id FROM members WHERE set_id = {int(set_id)}"
    left = (
        0
        if is_new.all() and not batch.rows(f"{members} LIMIT 1")
        else batch.create_temp("windows_left", f"{members} EXCEPT SELECT key_id FROM windows_staged")
    )
    if left:
        batch.execute(f"DELETE FROM members WHERE set_id = {int(set_id)} AND key_id IN (FROM windows_left)")
    _add_staged(batch, set_id, is_new)
    if left:
        record_left(batch, set_id, "windows_left")
    _save_set_end(batch, set_id, definition)
    _save_next_end(batch)


def _load_windows(batch: Batch, set_id: int) -> TimeWindowPartitions:
    definition = load_stored_sets(batch)[set_id].definition
    assert isinstance(definition, TimeWindowPartitions)
    return definition


def _stage_windows(batch: Batch, set_id: int, definition: TimeWindowPartitions, windows: Windows) -> NDArray[np.bool_]:
    """Stage windows as windows_staged (key_id, key, is_new, starts_s, starts_at, ends_at, starts_local).

    Those that were never keys of the set are given ids in the order of time; returns a mask of them.
    """
    import numpy as np
    import pyarrow as pa

    keys, key_ids = pa.array(windows.keys, pa.string()), np.full(len(windows), -1, np.int64)
    if batch.rows("SELECT key_id FROM keys WHERE set_id = ? LIMIT 1", set_id):
        batch.stage("windows_spelled", pa.table({"n": np.arange(len(windows)), "key": keys}))
        found = batch.numpy(
            "SELECT s.n, k.key_id FROM keys AS k JOIN windows_spelled AS s USING (key) WHERE k.set_id = ?", set_id
        )
        key_ids[found["n"]] = found["key_id"]
    is_new: NDArray[np.bool_] = key_ids < 0
    n = int(is_new.sum())
    key_ids[is_new] = (batch.take_ids("next_key_id", n) if n else 0) + np.arange(n)
    second = pa.timestamp("s", "UTC")
    staged = {
        "key_id": key_ids,
        "key": keys,
        "is_new": is_new,
        "starts_s": windows.starts,
        "starts_at": pa.array(windows.starts, pa.int64()).cast(second),
        "ends_at": pa.array(windows.ends, pa.int64()).cast(second),
        "starts_local": pa.array(definition.local_starts(windows), pa.int64()).cast(pa.timestamp("s")),
    }
    batch.stage("windows_staged", pa.table(staged))
    return is_new


def _add_staged(batch: Batch, set_id: int, is_new: NDArray[np.bool_]) -> None:
    """Make the staged windows members of the set, and their times what is staged."""
    joined, are_new = "windows_staged", bool(is_new.all())
    if is_new.any():
        batch.execute("INSERT INTO keys SELECT key_id, ?, key FROM windows_staged WHERE is_new", set_id)
    columns = "key_id, starts_at, ends_at, starts_local"
    if not are_new:
        joined = "windows_joined"
        batch.create_temp(
            joined,
            f"""SELECT key_id, starts_s FROM windows_staged
            WHERE key_id NOT IN (SELECT key_id FROM members WHERE set_id = {int(set_id)})""",
        )
        known = f"SELECT {columns} FROM windows WHERE set_id = {int(set_id)}"
        batch.create_temp("windows_moved", f"SELECT {columns} FROM windows_staged EXCEPT {known}")
        batch.execute("DELETE FROM windows WHERE set_id = ? AND key_id IN (SELECT key_id FROM windows_moved)", set_id)
    # what is staged is in the order of time already
    moved = "windows_staged" if are_new else "(FROM windows_moved ORDER BY starts_at)"
    batch.execute(f"INSERT INTO windows SELECT ?, {columns} FROM {moved}", set_id)
    in_order = joined if are_new else f"(FROM {joined} ORDER BY starts_s)"
    if batch.execute(f"INSERT INTO members SELECT ?, key_id, starts_s FROM {in_order}", set_id):
        record_joined(batch, set_id, joined, are_new=are_new)


def _save_set_end(batch: Batch, set_id: int, definition: TimeWindowPartitions) -> None:
    batch.execute("UPDATE partition_sets SET next_end = ? WHERE set_id = ?", definition.next_end(batch.now), set_id)


def _save_next_end(batch: Batch) -> None:
    following = batch.value("SELECT min(next_end) FROM partition_sets")
    batch.meta[NEXT_END] = "" if following is None else following.astimezone(UTC).isoformat()
