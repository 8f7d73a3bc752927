"""What is to be erased with keys: their partitions in all assets, the files of these, and what read them."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.dependencies import load_dependencies
from nbpart.catalog.expressions import ADOPTED_PATHS, quote
from nbpart.catalog.join_search import find_readers
from nbpart.catalog.key_lookup import KEY_SQL, stage_numbers
from nbpart.storage.adopted import ADOPTED_MARK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: A common table expression: the ids of staged keys, of the children of these, and of products that are made of them.
_GONE = """gone(key_id) AS (
    SELECT id FROM erased_keys UNION SELECT p.key_id FROM key_parts AS p JOIN gone ON p.part_id = gone.key_id
)"""


def create_touched(batch: Batch, key_ids: NDArray[np.int64], name: str) -> int:
    """Create a temporary table (asset_id, key_id) of all partitions that were ever touched of some keys.

    Also of the children of these and of products that are made of them, of every asset that ever had them; sources are
    left out. Returns how many they are.
    """
    stage_numbers(batch, "erased_keys", key_ids)
    return batch.create_temp(
        name,
        f"""WITH RECURSIVE {_GONE},
        touched AS (SELECT asset_id, key_id FROM runs UNION SELECT asset_id, key_id FROM materializations)
        SELECT asset_id, key_id FROM touched JOIN assets AS a USING (asset_id)
        WHERE a.kind <> 'source' AND key_id IN (SELECT key_id FROM gone)""",
    )


def create_made_of(batch: Batch, key_ids: NDArray[np.int64], name: str) -> int:
    """Create a temporary table (asset_id, key_id, materialization_id) of what was ever made of some keys.

    Of their children and products too, as `create_touched`; the id is that of their current data, or null. Returns how
    many rows it has.
    """
    stage_numbers(batch, "erased_keys", key_ids)
    return batch.create_temp(
        name,
        f"""WITH RECURSIVE {_GONE}
        SELECT f.asset_id, f.key_id, f.materialization_id FROM partition_facts AS f JOIN assets AS a USING (asset_id)
        WHERE a.kind <> 'source' AND f.key_id IN (SELECT key_id FROM gone)""",
    )


def touched_files(batch: Batch, partitions: str) -> tuple[list[str], list[str]]:
    """The files that runs of some partitions left, and those of them that somebody adopted, for any partition."""
    rows = batch.rows(
        f"""WITH made AS (SELECT m.materialization_id, m.asset_id, m.key_id FROM materializations AS m
            JOIN {quote(partitions)} AS p USING (asset_id, key_id)),
        ran AS (SELECT r.run_no FROM runs AS r JOIN {quote(partitions)} AS p USING (asset_id, key_id)),
        left_behind AS (SELECT path FROM data_files JOIN made USING (materialization_id)
            UNION SELECT unnest([notebook, log]) FROM attempts JOIN ran USING (run_no) WHERE notebook IS NOT NULL
            UNION SELECT curves FROM outcomes JOIN ran USING (run_no))
        SELECT path, path IN ({ADOPTED_PATHS}) FROM left_behind WHERE path IS NOT NULL"""
    )
    paths = sorted({f"{ADOPTED_MARK}{path}" if is_adopted else path for path, is_adopted in rows if path})
    return [p for p in paths if not p.startswith(ADOPTED_MARK)], [p for p in paths if p.startswith(ADOPTED_MARK)]


def adopted_inside(batch: Batch) -> frozenset[str]:
    """The adopted files that lie where runs write, as paths relative to the workspace: nothing may remove them."""
    rows = batch.rows(f"SELECT path FROM ({ADOPTED_PATHS}) WHERE path LIKE 'data/%' OR path LIKE 'runs/%'")
    return frozenset(path for (path,) in rows)


def touched_places(batch: Batch, partitions: str) -> list[tuple[str, str | None]]:
    """The asset and the key of each of some partitions."""
    return [
        (str(name), key)
        for name, key in batch.rows(
            f"""SELECT a.name, CASE WHEN a.set_id <> 0 THEN {KEY_SQL} END FROM {quote(partitions)} AS p
            JOIN assets AS a USING (asset_id) JOIN keys AS k ON k.key_id = p.key_id ORDER BY p.asset_id, p.key_id"""
        )
    ]


def former_places(batch: Batch, partitions: str) -> list[tuple[str, str]]:
    """The asset and each former key of some partitions whose keys were renamed; no text that another key has or had."""
    return [
        (str(name), str(key))
        for name, key in batch.rows(
            f"""SELECT a.name, f.key FROM {quote(partitions)} AS p
            JOIN assets AS a USING (asset_id) JOIN former_keys AS f ON f.key_id = p.key_id
            WHERE f.key NOT IN (SELECT key FROM keys)
                AND NOT EXISTS (SELECT 1 FROM former_keys AS o WHERE o.key = f.key AND o.key_id <> f.key_id)
            ORDER BY p.asset_id, p.key_id"""
        )
    ]


def list_others_that_read(batch: Batch, partitions: str) -> list[tuple[str, str | None]]:
    """The partitions with data that read some partitions and are none of them: asset and key."""
    selects = []
    for place, each in enumerate(load_dependencies(batch, f"d.input_id IN (SELECT asset_id FROM {quote(partitions)})")):
        sql = f"SELECT key_id FROM {quote(partitions)} WHERE asset_id = ?"
        ids = find_readers(batch, each.join(batch), batch.numpy(sql, each.input_id)["key_id"])
        stage_numbers(batch, f"erased_readers_{place}", ids)
        selects.append(f"SELECT {each.asset_id} AS asset_id, id AS key_id FROM erased_readers_{place}")
    if not selects:
        return []
    batch.create_temp(
        "erased_read",
        f"""SELECT asset_id, key_id FROM ({" UNION ".join(selects)}) JOIN partition_facts AS f USING (asset_id, key_id)
        WHERE f.materialization_id IS NOT NULL
          AND (asset_id, key_id) NOT IN (SELECT (asset_id, key_id) FROM {quote(partitions)})""",
    )
    return touched_places(batch, "erased_read")
