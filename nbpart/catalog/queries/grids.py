"""What places the keys of a set along the sides of a grid, as arrays by key id, in no order, as in `cells`."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.set_tables import own_columns, set_sql
from nbpart.partitions.columns import ColumnSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


def part_ids(batch: Batch, set_id: int, part: int) -> tuple[Ids, Ids]:
    """The keys of a product or of children, and of each the key of one dimension, or of its parent, by its place."""
    found = batch.numpy("SELECT key_id, part_id FROM key_parts WHERE set_id = ? AND part = ?", set_id, part)
    return found["key_id"], found["part_id"]


def window_times(batch: Batch, set_id: int) -> tuple[Ids, Ids, Ids, float]:
    """The keys of windows, when each begins (seconds since 1970), the same in the set's zone, and a length in seconds.

    The length is that of most windows, 0 for a set without.
    """
    found = batch.numpy(
        "SELECT key_id, epoch(starts_at)::BIGINT AS starts, epoch(starts_local)::BIGINT AS local,"
        " epoch(ends_at)::BIGINT AS ends FROM windows WHERE set_id = ?",
        set_id,
    )
    import numpy as np

    lengths = found["ends"] - found["starts"]
    return found["key_id"], found["starts"], found["local"], float(np.median(lengths)) if len(lengths) else 0.0


def own_places(batch: Batch, set_id: int) -> tuple[Ids, Ids]:
    """Children, and of each the place of its own part among all own parts, in the order in which these came."""
    sql = set_sql(batch, set_id)
    own = [c for c in own_columns(sql.definition) if c.source in (ColumnSource.KEY, ColumnSource.PARAMETER)]
    values = ", ".join(sql.value(column) for column in own)
    found = batch.numpy(
        "SELECT key_id, dense_rank() OVER (ORDER BY first) - 1 AS place FROM (SELECT m.key_id,"
        f" min(m.position) OVER (PARTITION BY {values}) AS first FROM {sql.rows} m{sql.joins})"
    )
    return found["key_id"], found["place"]
