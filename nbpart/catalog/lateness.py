"""Which partitions are late: derived from what was made, from when they are expected, and from the time now.

Nothing of it is stored, and an asset of which nothing is expected costs nothing.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, and ids made int

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nbpart.assets.freshness import Expectation, LateBounds
from nbpart.catalog.batch import Batch
from nbpart.catalog.set_tables import StoredSet, asset_set_id, load_stored_sets
from nbpart.partitions.key_values import count_windows
from nbpart.partitions.windows import TimeWindowPartitions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NO_TIME = "NULL::TIMESTAMPTZ"


@dataclass(frozen=True, eq=False)
class LatePartitions:
    """The partitions of an asset that are late: the ids of their keys, and since when, in seconds since 1970."""

    key_ids: NDArray[np.int64]
    since: NDArray[np.float64]

    def since_of(self, key_id: int) -> datetime | None:
        """Since when one of them is late; None for another."""
        places = (self.key_ids == key_id).nonzero()[0]
        return datetime.fromtimestamp(float(self.since[places[0]]), UTC) if len(places) else None


def load_expectations(batch: Batch) -> Mapping[int, Expectation]:
    """Of each active asset that is expected by some time what is expected, by its id."""
    return batch.remember("expectations", lambda: _load_expectations(batch))


def _load_expectations(batch: Batch) -> dict[int, Expectation]:
    rows = batch.rows(
        """SELECT asset_id, json_extract(definition, '$.fresh')::VARCHAR FROM assets
        WHERE active AND contains(definition, '"fresh": {')"""
    )
    return {int(asset_id): Expectation.from_json(json.loads(text)) for asset_id, text in rows if text}


def create_late(batch: Batch, asset_id: int, now: datetime | None = None) -> str | None:
    """Create a temporary table of the partitions of an asset that are late, at the time of the batch or another one.

    Returns its name; None where nothing is expected of the asset. Its columns are key_id, and ends_at, made_at and
    came_at as `Expectation.late_since` takes them, as far as they were looked up.
    """
    expected = load_expectations(batch).get(int(asset_id))
    if expected is None:
        return None
    name, set_id = _name(asset_id), asset_set_id(batch, asset_id)
    stored = load_stored_sets(batch).get(set_id)
    bounds = expected.bounds(now or batch.now)
    if stored is not None and count_windows(stored.definition):
        _create_late_windows(batch, name, int(asset_id), stored, bounds)
    else:
        _create_late_others(batch, name, int(asset_id), set_id, stored, bounds)
    return name


def load_late(batch: Batch, asset_id: int, now: datetime | None = None) -> LatePartitions | None:
    """The partitions of an asset that are late, and since when; None where nothing is expected of the asset."""
    table = create_late(batch, asset_id, now)
    if table is None:
        return None
    found = batch.numpy(
        f"""SELECT key_id, coalesce(epoch(ends_at), 'nan') AS ends, coalesce(epoch(made_at), 'nan') AS made,
            coalesce(epoch(came_at), 'nan') AS came FROM {table} ORDER BY key_id"""
    )
    stored = load_stored_sets(batch).get(asset_set_id(batch, asset_id))
    since = load_expectations(batch)[int(asset_id)].list_due(
        ends=found["ends"], made=found["made"], came=found["came"],
        has_window=stored is not None and count_windows(stored.definition) > 0, now=now or batch.now,
    )  # fmt: skip
    return LatePartitions(found["key_id"], since)


def load_late_ids(batch: Batch, asset_ids: Iterable[int]) -> dict[int, NDArray[np.int64]]:
    """The ids of the keys that are late, of those of some assets of which something is expected."""
    tables = {asset_id: create_late(batch, asset_id) for asset_id in asset_ids if asset_id in load_expectations(batch)}
    return {asset_id: batch.numpy(f"SELECT key_id FROM {table}")["key_id"] for asset_id, table in tables.items()}


def load_newly_late(batch: Batch, asset_id: int, now: datetime | None = None) -> LatePartitions | None:
    """Those of the late partitions of an asset that were not reported since they were made the last time."""
    late = load_late(batch, asset_id, now)
    if late is None or not len(late.key_ids):
        return late
    reported = batch.numpy(
        f"""WITH known AS (
            SELECT key_id, max(happened_at) AS reported_at FROM late_events
            WHERE asset_id = $1 AND key_id IN (SELECT key_id FROM {_name(asset_id)}) GROUP BY key_id
        ),
        newest AS (
            SELECT key_id, max(materialized_at) AS made_at FROM materializations
            WHERE asset_id = $1 AND key_id IN (SELECT key_id FROM known) GROUP BY key_id
        )
        SELECT key_id FROM known LEFT JOIN newest USING (key_id) WHERE made_at IS NULL OR made_at <= reported_at""",
        asset_id,
    )["key_id"]
    import numpy as np

    is_new = ~np.isin(late.key_ids, reported)
    return LatePartitions(late.key_ids[is_new], late.since[is_new])


def count_late(batch: Batch) -> dict[int, int]:
    """How many partitions of each asset of which something is expected are late, by its id."""
    tables = {asset_id: create_late(batch, asset_id) for asset_id in load_expectations(batch)}
    return {asset_id: int(batch.value(f"SELECT count(*) FROM {table}")) for asset_id, table in tables.items()}


def find_next_due(batch: Batch) -> datetime | None:
    """When something can become late, or stop being late, by the time alone; None where nothing is expected."""
    moments = [expected.next_change(batch.now) for expected in load_expectations(batch).values()]
    return min(moments, default=None)


def _name(asset_id: int) -> str:
    return f"late_{int(asset_id)}"


def _create_late_windows(batch: Batch, name: str, asset_id: int, stored: StoredSet, bounds: LateBounds) -> None:
    """Of windows those that end within the bounds: they are few, and of a product looked up by their window."""
    within = "ends_at > $1 AND ends_at <= $2"
    is_one = count_windows(stored.definition) == 1
    ends = _select_ends(stored, within if is_one else "ends_at <= $2")
    grouped = ends if is_one else f"SELECT key_id, max(ends_at) AS ends_at, count(*) AS n FROM ({ends}) GROUP BY key_id"
    among = "true" if is_one else f"n = {count_windows(stored.definition)} AND {within}"
    batch.create_temp(
        f"{name}_ends", f"SELECT key_id, ends_at FROM ({grouped}) WHERE {among}", bounds.after, bounds.until
    )
    batch.create_temp(
        name,
        f"""WITH {_made(asset_id, f"{name}_ends")}
        SELECT e.key_id, e.ends_at, made.made_at, {_NO_TIME} AS came_at
        FROM {name}_ends e JOIN members m ON m.key_id = e.key_id AND m.set_id = {stored.set_id}
        LEFT JOIN made ON made.key_id = e.key_id WHERE made.made_at IS NULL OR made.made_at < e.ends_at""",
    )


def _create_late_others(
    batch: Batch, name: str, asset_id: int, set_id: int, stored: StoredSet | None, bounds: LateBounds
) -> None:
    """Of what has no windows what was made too long ago, or never since it came to be."""
    came = f"SELECT key_id, max(happened_at) AS added_at FROM ({_select_added(stored)}) GROUP BY key_id"
    batch.create_temp(
        name,
        f"""WITH own AS (SELECT key_id FROM members WHERE set_id = {int(set_id)}),
        current AS (
            SELECT key_id, materialization_id FROM partition_facts
            WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL
        ),
        registered AS (SELECT min(registered_at) AS at FROM asset_versions WHERE asset_id = {asset_id})
        SELECT c.key_id, {_NO_TIME} AS ends_at, x.materialized_at AS made_at, {_NO_TIME} AS came_at
        FROM (SELECT * FROM materializations WHERE asset_id = {asset_id} AND materialized_at < $1) x
        JOIN current c USING (materialization_id) WHERE c.key_id IN (FROM own)
        UNION ALL
        SELECT own.key_id, {_NO_TIME}, {_NO_TIME}, greatest(c.added_at, r.at)
        FROM own CROSS JOIN registered r LEFT JOIN ({came}) c ON c.key_id = own.key_id
        WHERE own.key_id NOT IN (SELECT key_id FROM current) AND greatest(c.added_at, r.at) <= $2""",
        *(bounds.oldest, bounds.until),
    )


def _made(asset_id: int, keys: str) -> str:
    """A common table ``made`` (key_id, made_at): when the data were made that partitions with these keys have."""
    return f"""current AS (
            SELECT key_id, materialization_id FROM partition_facts
            WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL AND key_id IN (SELECT key_id FROM {keys})
        ),
        made AS (
            SELECT c.key_id, x.materialized_at AS made_at FROM current c
            JOIN (SELECT * FROM materializations WHERE asset_id = {asset_id}) x USING (materialization_id)
        )"""


def _select_ends(stored: StoredSet, condition: str) -> str:
    """A query (key_id, ends_at) of the ends of the windows that keys of a set belong to."""
    if isinstance(stored.definition, TimeWindowPartitions):
        return f"SELECT key_id, ends_at FROM windows WHERE set_id = {stored.set_id} AND {condition}"
    parts = [
        f"""SELECT p.key_id, e.ends_at FROM key_parts p JOIN ({_select_ends(part, condition)}) e
            ON e.key_id = p.part_id WHERE p.set_id = {stored.set_id} AND p.part = {place}"""
        for place, part in enumerate(stored.parts)
        if count_windows(part.definition)
    ]
    return " UNION ALL ".join(parts)


def _select_added(stored: StoredSet | None) -> str:
    """A query (key_id, happened_at) of when keys of a set, or what they are made of, were added."""
    if stored is None:
        return f"SELECT 0::BIGINT AS key_id, {_NO_TIME} AS happened_at WHERE false"
    own = f"""SELECT key_id, happened_at FROM member_events
        WHERE set_id = {stored.set_id} AND action = 'added'"""
    parts = [
        f"""SELECT p.key_id, e.happened_at FROM key_parts p JOIN ({_select_added(part)}) e
            ON e.key_id = p.part_id WHERE p.set_id = {stored.set_id} AND p.part = {place}"""
        for place, part in enumerate(stored.parts)
    ]
    return " UNION ALL ".join([own, *parts])
