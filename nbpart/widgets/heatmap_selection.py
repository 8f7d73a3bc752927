"""The selection of a heatmap: made from places of a view, found again in a later one. Pure, from bands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nbpart.errors import WorkspaceError
from nbpart.states import STATUS_CODES
from nbpart.widgets.heatmap_bands import Band
from nbpart.widgets.heatmap_model import Range, Selection, to_ranges
from nbpart.widgets.payloads import SelectedPlacesJson
from nbpart.widgets.schema import BadRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The most ranges that a selection may consist of when it is sent, in either direction.
MAX_RANGES = 1_000


class OutOfDateError(WorkspaceError):
    """A request refers to places or keys that have changed since."""


def make_selection(band: Band, rows: Sequence[int], ranges: Iterable[Range]) -> Selection:
    """Return the selection of these rows and ranges of places, without keys. Raises BadRequest for an unknown row."""
    if not rows or not all(0 <= row < len(band.rows) for row in rows):
        raise BadRequest("There is no such row.")
    names = tuple(band.rows[row].name for row in sorted(set(rows)))
    return Selection(band.set.name, band.version, names, _to_members(band, clip_ranges(band, ranges)))


def clip_ranges(band: Band, ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ranges of places without what lies beyond the places that there are."""
    clipped = ((max(0, start), min(stop, band.places.n)) for start, stop in ranges)
    return tuple((start, stop) for start, stop in clipped if start < stop)


def find_band(bands: Iterable[Band], selection: Selection) -> Band:
    """Return the band of a selection. Raises OutOfDateError where its set is gone or has lost keys since."""
    band = next((band for band in bands if band.set.name == selection.set_name), None)
    if band is None or band.version < selection.version or band.first_version > selection.version:
        raise OutOfDateError("The keys of the selection have changed since it was made: select them again.")
    return band


def take(values: NDArray[np.int64], ranges: Iterable[Range]) -> NDArray[np.int64]:
    """The values at the positions in the ranges, one range after the other."""
    import numpy as np

    return np.concatenate([values[start:stop] for start, stop in ranges] or [values[:0]])


def count_selected(band: Band, selection: Selection) -> tuple[int, ...]:
    """How many of the selected partitions have each status, by code."""
    import numpy as np

    total = np.zeros(len(STATUS_CODES), np.int64)
    for row, codes in zip(band.rows, band.status, strict=True):
        for start, stop in selection.ranges if row.name in selection.assets else ():
            total += np.bincount(codes[start:stop], minlength=len(total))
    return tuple(total.tolist())


def find_selected_places(bands: Iterable[Band], selection: Selection | None) -> SelectedPlacesJson | None:
    """Where a selection is in the view; None where it is not shown, or in more than `MAX_RANGES` ranges."""
    for number, band in enumerate(bands):
        if selection is None or band.set.name != selection.set_name or band.first_version > selection.version:
            continue
        rows = [row for row, one in enumerate(band.rows) if one.name in selection.assets]
        ranges = _to_places(band, selection.ranges)
        if rows and ranges and len(ranges) <= MAX_RANGES:
            return {"band": number, "rows": rows, "ranges": list(ranges)}
    return None


def _to_places(band: Band, ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Ranges of members as ranges of places; members that are not shown are left out."""
    import numpy as np

    if band.places.members is None:
        return tuple(ranges)
    places = band.places.find(np.concatenate([np.arange(a, b) for a, b in ranges] or [np.empty(0, np.int64)]))
    return to_ranges(places[places >= 0])


def _to_members(band: Band, ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Ranges of places as ranges of members, sorted and not touching each other."""
    if band.places.members is not None:
        return to_ranges(take(band.places.members, ranges))
    merged: list[Range] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)
