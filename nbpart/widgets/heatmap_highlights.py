"""What the selected partitions of a heatmap read and what reads them, as places of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nbpart.catalog import Batch
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.related_keys import load_inputs, load_readers
from nbpart.widgets.heatmap_bands import Band
from nbpart.widgets.heatmap_model import Dependency, Range, to_ranges
from nbpart.widgets.payloads import HighlightJson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: The most ranges of places of a row. Of more the nearest are joined, which only shows in a line that is zoomed in.
MAX_RANGES = 4_000


#: From this share of a set on, its neighbours are most of theirs.
_MANY = 0.2


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Keys of a shown asset that selected ones read (role "input"), or that read them (role "reader")."""

    asset_id: int
    role: Literal["input", "reader"]
    key_ids: Ids


@dataclass(frozen=True, slots=True)
class Chosen:
    """Selected partitions: the ids of keys of one set, in some of its assets."""

    set_id: int
    asset_ids: frozenset[int]
    key_ids: Ids


def find_neighbours(
    batch: Batch,
    chosen: Chosen,
    dependencies: Iterable[Dependency],
    set_of: Mapping[int, int],
    members: Mapping[int, Ids],
) -> list[Neighbour]:
    """What the chosen partitions read directly and what reads them, by the mappings of dependencies.

    ``set_of`` is the id of the set of each shown asset, ``members`` are the ids of all keys by set. What is chosen
    itself is left out.
    """
    found: list[Neighbour] = []
    is_large = len(chosen.key_ids) > _MANY * len(members[chosen.set_id])
    for link in dependencies:
        sets = set_of[link.reader], set_of[link.input]
        join = open_join(batch, link.mapping, *sets)
        if link.reader in chosen.asset_ids:
            ids = load_inputs(batch, join, chosen.key_ids, members[sets[1]] if is_large else None)
            found.append(Neighbour(link.input, "input", _leave_out(chosen, link.input, ids)))
        if link.input in chosen.asset_ids:
            ids = load_readers(batch, join, chosen.key_ids, members[sets[0]] if is_large else None)
            found.append(Neighbour(link.reader, "reader", _leave_out(chosen, link.reader, ids)))
    return [one for one in found if len(one.key_ids)]


def place_neighbours(bands: Sequence[Band], neighbours: Iterable[Neighbour]) -> list[HighlightJson]:
    """The places of neighbours in the rows of a heatmap; those that are not shown are left out."""
    where = {row.asset_id: (b, r) for b, band in enumerate(bands) for r, row in enumerate(band.rows)}
    highlights: list[HighlightJson] = []
    for one in neighbours:
        number, row = where[one.asset_id]
        band = bands[number]
        places = band.places.find(band.members.find(one.key_ids))
        if ranges := _join_nearest(to_ranges(places[places >= 0]), MAX_RANGES):
            highlights.append({"band": number, "row": row, "role": one.role, "ranges": ranges})
    return highlights


def _leave_out(chosen: Chosen, asset_id: int, key_ids: Ids) -> Ids:
    import numpy as np

    return key_ids[~np.isin(key_ids, chosen.key_ids)] if asset_id in chosen.asset_ids else key_ids


def _join_nearest(ranges: Sequence[Range], most: int) -> list[Range]:
    """At most so many ranges that hold all of the given ones, with as little between them as possible."""
    if len(ranges) <= most:
        return list(ranges)
    import numpy as np

    bounds = np.array(ranges)
    gaps = bounds[1:, 0] - bounds[:-1, 1]
    cuts = np.sort(np.argpartition(gaps, len(gaps) - most + 1)[len(gaps) - most + 1 :])
    firsts, lasts = bounds[np.r_[0, cuts + 1], 0], bounds[np.r_[cuts, len(bounds) - 1], 1]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]
