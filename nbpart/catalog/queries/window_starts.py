"""Windows by the times at which they begin, many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from nbpart.partitions.moments import is_midnight, read_date_or_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch
    from nbpart.partitions.windows import TimeWindowPartitions


def find_windows_that_begin(
    batch: Batch, set_id: int, definition: TimeWindowPartitions, given: Sequence[object]
) -> NDArray[np.int64]:
    """The key id of the window that begins at each of the given dates or times; -1 where none does, and for all else.

    A date is the window of that date where windows are named by dates; of finer ones it is none, but a part of a date.
    A time without offset is what the clock of the set shows, the first of two where it comes twice.
    """
    found = np.full(len(given), -1, np.int64)
    dates: dict[int, date] = {}
    times: dict[int, datetime] = {}
    zone = definition.start.tzinfo
    for place, one in enumerate(given):
        moment = read_date_or_time(one)
        if isinstance(moment, datetime):
            aware = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
            if definition.is_dated and is_midnight(aware):
                dates[place] = aware.date()
            else:
                times[place] = aware
        elif moment is not None and definition.is_dated:
            dates[place] = moment
    for places, ids in (_find_by_date(batch, set_id, dates), _find_by_time(batch, set_id, times)):
        found[places] = ids
    return found


def _find_by_date(batch: Batch, set_id: int, dates: Mapping[int, date]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places, and the ids of the first windows that begin on the dates at these places."""
    import pyarrow as pa

    batch.stage("given_dates", pa.table({"n": _places(dates), "day": pa.array(dates.values(), pa.date32())}))
    found = batch.numpy(
        """SELECT g.n, arg_min(w.key_id, w.starts_at) AS key_id FROM given_dates g
        JOIN windows w ON w.starts_local::DATE = g.day JOIN members m USING (set_id, key_id)
        WHERE w.set_id = ? GROUP BY g.n""",
        set_id,
    )
    return found["n"], found["key_id"]


def _find_by_time(
    batch: Batch, set_id: int, times: Mapping[int, datetime]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places, and the ids of the windows that begin at the aware times, in the zone of the set, at these places."""
    import pyarrow as pa

    # a local time that the clock jumps over is a moment too, but no window shows it
    local = pa.array([time.replace(tzinfo=None) for time in times.values()], pa.timestamp("us"))
    instants = pa.array([time.timestamp() for time in times.values()], pa.float64())
    batch.stage("given_times", pa.table({"n": _places(times), "local": local, "at": instants}))
    found = batch.numpy(
        """SELECT g.n, w.key_id FROM given_times g
        JOIN windows w ON w.starts_local = g.local AND epoch(w.starts_at) = g.at JOIN members m USING (set_id, key_id)
        WHERE w.set_id = ?""",
        set_id,
    )
    return found["n"], found["key_id"]


def _places(moments: Mapping[int, object]) -> NDArray[np.int64]:
    return np.array(list(moments), np.int64)
