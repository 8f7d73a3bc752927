"""The bands of a heatmap: the assets that share a set of partitions, with the status and value of every partition.

A band is read whole once, and then updated with what changed. Each of its arrays has a row per asset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbpart.catalog import Batch, Catalog, SetRecord, queries
from nbpart.catalog.judged import load_unsound_ids
from nbpart.catalog.lateness import load_late_ids
from nbpart.catalog.queries import cells
from nbpart.catalog.records import CellFacts
from nbpart.errors import UnknownNameError, nearest
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets.heatmap_axes import load_grid
from nbpart.widgets.heatmap_grids import Grid
from nbpart.widgets.heatmap_model import (
    Dependency,
    Layout,
    Members,
    Places,
    Scale,
    fit_scale,
    fits,
    plan_places,
    rank_by_status,
    rank_by_value,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    #: Reads which keys of each asset are chosen: name -> key ids.
    Choose = Callable[[Batch], Mapping[str, NDArray[np.int64]]]

#: The bits of a status that is sent which say that the partition is late, and that its data do not pass a check.
LATE_BIT, UNSOUND_BIT = 128, 64
MISSING, MATERIALIZED = STATUS_CODES[PartitionStatus.MISSING], STATUS_CODES[PartitionStatus.MATERIALIZED]


@dataclass(frozen=True, slots=True)
class Row:
    """An asset or source of a band."""

    asset_id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Structure:
    """Which rows are in which band, and how their assets depend on each other, at a sequence number of the catalog."""

    sequence: int
    bands: tuple[tuple[SetRecord, tuple[Row, ...]], ...]
    dependencies: tuple[Dependency, ...]

    @property
    def shape(self) -> Any:
        """What must stay equal for bands to be updated instead of read again; keys may be added and removed."""
        return [(s.set_id, s.definition, rows) for s, rows in self.bands], self.dependencies


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """Colours, order and filter of a heatmap.

    `color_by` is ``"status"``, a column or a metric; `sort_by` is None (as added), ``"key"``, ``"status"``, a column or
    a metric. Partitions are shown whose status code is in `statuses` (empty: any) and whose key contains `text`.
    `across` and `down` name the dimensions by which products that have them are drawn; None leaves the choice.
    `choose` gives the ids of the keys that a condition chooses, by asset: a key is shown that any asset of its band has
    among them.
    """

    color_by: str = "status"
    sort_by: str | None = None
    statuses: frozenset[int] = frozenset()
    text: str = ""
    across: str | None = None
    down: str | None = None
    choose: Choose | None = None

    @property
    def is_arranged(self) -> bool:
        """Whether partitions are filtered or sorted: a grid would have holes or wrong positions then."""
        return bool(self.sort_by or self.statuses or self.text or self.choose)

    @property
    def column(self) -> str | None:
        """The name of the value that is read with each partition; None for the status alone."""
        return None if self.color_by == "status" else self.color_by


class Band:
    """The partitions of one set: their statuses and values by member, and the places at which they are shown."""

    def __init__(self, key_set: SetRecord, version: int, rows: tuple[Row, ...], members: Members) -> None:
        import numpy as np

        self.set = key_set
        self.version = version
        #: Since that version keys were only added at the end, so its member numbers are still right.
        self.first_version = version
        self.rows = rows
        self.members = members
        self.places = Places(len(members))
        self.grid: Grid | None = None
        #: Whether places are those of a filter or an order, not those of the grid or of the set.
        self.is_arranged = False
        self.scale: Scale | None = None
        self.status: NDArray[np.uint8] = np.full((len(rows), len(members)), MISSING, np.uint8)
        self._counts: NDArray[np.int64] | None = None
        #: Which members changed since the band was sorted; None if the order does not depend on what changes.
        self.unsorted: NDArray[np.bool_] | None = None
        self.levels: NDArray[np.uint8] | None = None
        #: Which are late; None where nothing is expected of any of its assets.
        self.late: NDArray[np.bool_] | None = None
        #: Whose data do not pass a check; None where none of its assets has one.
        self.unsound: NDArray[np.bool_] | None = None
        #: A value lies outside the scale, so the band has to be read again.
        self.exceeds_scale = False

    @property
    def layout(self) -> Layout:
        """How it is drawn: "cell" without partitions, "grid" by two axes, else "line"."""
        if not self.set.set_id:
            return "cell"
        return "line" if self.grid is None or self.is_arranged else "grid"

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many partitions of each row have each status, by code."""
        import numpy as np

        if self._counts is None:
            # comparing with each status is several times faster than bincount, which converts all to int64
            codes = range(len(STATUS_CODES))
            self._counts = np.array([[np.count_nonzero(row == code) for code in codes] for row in self.status])
        return self._counts

    def set_status(self, row: int, members: NDArray[np.int64], status: NDArray[np.uint8]) -> None:
        """Set the status codes of some members of a row, each given once, and update the counts."""
        import numpy as np

        n = len(STATUS_CODES)
        self.counts[row] += np.bincount(status, minlength=n) - np.bincount(self.status[row, members], minlength=n)
        self.status[row, members] = status

    def encode(self, row: int, members: NDArray[np.int64] | slice) -> NDArray[np.uint8]:
        """The status codes of some members of a row as they are sent: with the bits of what else is said of them."""
        import numpy as np

        codes: NDArray[np.uint8] = self.status[row, members]
        for mask, bit in ((self.late, LATE_BIT), (self.unsound, UNSOUND_BIT)):
            if mask is not None:
                codes = codes | np.where(mask[row, members], bit, 0).astype(np.uint8)
        return codes

    def count_late(self) -> list[int]:
        """How many partitions of each row are late."""
        return [0] * len(self.rows) if self.late is None else self.late.sum(axis=1).tolist()

    def count_unsound(self) -> list[int]:
        """How many partitions of each row have data that do not pass a check."""
        return [0] * len(self.rows) if self.unsound is None else self.unsound.sum(axis=1).tolist()

    def append_members(self, version: int, key_ids: NDArray[np.int64]) -> None:
        """Append keys; their partitions are missing. ``key_ids`` are those of all members, the old ones first."""
        import numpy as np

        more = len(key_ids) - len(self.members)
        self.status = np.pad(self.status, ((0, 0), (0, more)), constant_values=MISSING)
        self.counts[:, MISSING] += more
        if self.levels is not None:
            self.levels = np.pad(self.levels, ((0, 0), (0, more)))
        if self.late is not None:
            self.late = np.pad(self.late, ((0, 0), (0, more)))
        if self.unsound is not None:
            self.unsound = np.pad(self.unsound, ((0, 0), (0, more)))
        self.members = Members(key_ids)
        self.places = Places(len(key_ids))
        self.version = version

    def set_places(self, places: Places, options: ViewOptions) -> None:
        """Show the members at these places, which were filtered and sorted by ``options`` just now."""
        import numpy as np

        self.places, self.is_arranged = places, options.is_arranged
        self.unsorted = np.zeros(len(self.members), np.bool_) if options.sort_by not in (None, "key") else None

    def mark_unsorted(self, key_ids: NDArray[np.int64], status: NDArray[np.uint8], sort_by: str | None) -> None:
        """Mark members as changed since the band was sorted, given the ids of their keys and their new status codes."""
        if self.unsorted is None:
            return
        # values change only when data is made or removed
        ids = key_ids if sort_by == "status" else key_ids[(status == MATERIALIZED) | (status == MISSING)]
        numbers = self.members.find(ids)
        self.unsorted[numbers[numbers >= 0]] = True


def load_structure(batch: Batch, names: Sequence[str] | None) -> Structure:
    """Read the bands of the assets with these names, or with None of all that are computed.

    Sets are in the order of their first asset, assets without partitions come last. Raises UnknownNameError for a name
    that is not registered.
    """
    listed = cells.load_asset_rows(batch)
    found = [Row(asset_id, name, kind) for asset_id, name, kind, _ in listed]
    set_of = {asset_id: set_id for asset_id, _, _, set_id in listed}
    if names is None:
        rows = [row for row in found if row.kind != "source"]
    else:
        by_name = {row.name: row for row in found}
        for name in names:
            if name not in by_name:
                raise UnknownNameError(f"there is no asset or source {name!r}; {nearest(name, by_name)}")
        rows = [by_name[name] for name in dict.fromkeys(names)]
    shown = {row.asset_id for row in rows}
    dependencies = [Dependency(*link) for link in cells.load_dependencies(batch)]
    sets = {key_set.set_id: key_set for key_set in queries.load_sets(batch)}
    order = sorted(dict.fromkeys(set_of[row.asset_id] for row in rows), key=lambda set_id: set_id == 0)
    bands = tuple((sets[s], tuple(row for row in rows if set_of[row.asset_id] == s)) for s in order)
    kept = tuple(link for link in dependencies if {link.reader, link.input} <= shown)
    return Structure(batch.sequence, bands, kept)


def load_band(catalog: Catalog, key_set: SetRecord, rows: tuple[Row, ...], options: ViewOptions) -> Band:
    """Read a band whole, each asset in a batch of its own, so that other users of the catalog wait for one at most.

    What changes in between is read again by `cells_changed_since` the first batch.
    """
    import numpy as np

    version, key_ids = catalog.read(
        lambda b: (queries.set_version(b, key_set.set_id), cells.member_ids(b, key_set.set_id))
    )
    band = Band(key_set, version, rows, Members(key_ids))
    values: list[NDArray[np.float64]] = []
    for place, row in enumerate(rows):
        facts, late, unsound = catalog.read(lambda b, row=row: _load_row(b, row, options.column))  # type: ignore[misc]
        apply_mask(band, "late", place, late.get(row.asset_id))
        apply_mask(band, "unsound", place, unsound.get(row.asset_id))
        band.status[place] = band.members.fill(facts.key_ids, facts.status, MISSING)
        if options.column:
            values.append(band.members.fill(facts.key_ids, facts.values, np.nan))
    if options.column:
        band.scale = fit_scale(values)
        blank = Scale(0, 0)
        band.levels = np.stack([(band.scale or blank).encode(some) for some in values])
    band.grid = load_grid(catalog, key_set, band.members, options.across, options.down)
    band.set_places(load_places(catalog, band, options), options)
    return band


def _load_row(
    batch: Batch, row: Row, column: str | None
) -> tuple[CellFacts, dict[int, NDArray[np.int64]], dict[int, NDArray[np.int64]]]:
    ids = [row.asset_id]
    return cells.cell_facts(batch, row.asset_id, column), load_late_ids(batch, ids), load_unsound_ids(batch, ids)


def load_places(catalog: Catalog, band: Band, options: ViewOptions) -> Places:
    """Compute the places of a band's members from the filter and the order, reading what these need.

    In a grid they are ordered by their cells, so that those of one cell stand together.
    """
    if band.grid is not None and not options.is_arranged:
        return plan_places(len(band.members), rank=band.grid.cells)
    keep = _filter_members(catalog, band, options)
    return plan_places(len(band.members), keep, _rank_members(catalog, band, options.sort_by))


def is_filter_outdated(catalog: Catalog, band: Band, options: ViewOptions) -> bool:
    """Whether other partitions match the filter now than those that are shown."""
    import numpy as np

    keep = _filter_members(catalog, band, options)
    if keep is None or band.places.members is None:
        return False
    shown = np.zeros(len(band.members), np.bool_)
    shown[band.places.members] = True
    return not np.array_equal(keep, shown)


def _filter_members(catalog: Catalog, band: Band, options: ViewOptions) -> NDArray[np.bool_] | None:
    """A mask of the members that match the filter: one of the statuses in any row, the text in the key, and chosen.

    None where there is no filter.
    """
    import numpy as np

    if not band.set.set_id or not (options.text or options.statuses or options.choose):
        return None
    keep = np.ones(len(band.members), np.bool_)
    if options.statuses:
        wanted = np.zeros(len(STATUS_CODES), np.bool_)
        wanted[sorted(options.statuses)] = True
        keep &= wanted[band.status].any(axis=0)
    if options.text:
        keep &= _mask_of(band, catalog.read(lambda b: cells.ids_matching(b, band.set.set_id, options.text)))
    if options.choose:
        chosen = catalog.read(options.choose)
        ids = [chosen[row.name] for row in band.rows if row.name in chosen]
        keep &= _mask_of(band, np.concatenate([np.empty(0, np.int64), *ids]))
    return keep


def _mask_of(band: Band, key_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    import numpy as np

    marked = np.zeros(len(band.members), np.bool_)
    numbers = band.members.find(key_ids)
    marked[numbers[numbers >= 0]] = True
    return marked


def _rank_members(catalog: Catalog, band: Band, sort_by: str | None) -> NDArray[Any] | None:
    import numpy as np

    if sort_by is None or not band.set.set_id:
        return None
    if sort_by == "status":
        return rank_by_status(band.status, STATUS_CODES)
    if sort_by == "key":
        ordered = catalog.read(lambda b: cells.keys_in_order(b, band.set.set_id))
        return band.members.fill(ordered, np.arange(len(ordered), dtype=np.float64), np.nan)
    facts = [catalog.read(lambda b, row=row: cells.cell_facts(b, row.asset_id, sort_by)) for row in band.rows]  # type: ignore[misc]
    return rank_by_value(np.stack([band.members.fill(some.key_ids, some.values, np.nan) for some in facts]))


@dataclass(frozen=True, slots=True)
class RowChange:
    """The partitions of one row that changed, by member number, with their new status codes and value levels."""

    row: int
    members: NDArray[np.int64]
    status: NDArray[np.uint8]
    levels: NDArray[np.uint8] | None


def apply_facts(band: Band, row: int, facts: CellFacts) -> RowChange | None:
    """Update a row with facts from the catalog; return what changed of it, or None."""
    numbers = band.members.find(facts.key_ids)
    inside = numbers >= 0
    numbers, status = numbers[inside], facts.status[inside]
    differs = band.status[row, numbers] != status
    levels = None
    if band.levels is not None:
        levels = (band.scale or Scale(0, 0)).encode(facts.values[inside])
        band.exceeds_scale |= not fits(band.scale, facts.values[inside])
        differs |= band.levels[row, numbers] != levels
        band.levels[row, numbers] = levels
        levels = levels[differs]
    band.set_status(row, numbers, status)
    if not differs.any():
        return None
    return RowChange(row, numbers[differs], status[differs], levels)


def apply_mask(
    band: Band, name: Literal["late", "unsound"], row: int, key_ids: NDArray[np.int64] | None
) -> RowChange | None:
    """Update which members of a row are late or unsound, None where none can be; return which differ, or None."""
    import numpy as np

    mask: NDArray[np.bool_] | None = getattr(band, name)
    if key_ids is None and mask is None:
        return None
    if mask is None:
        mask = np.zeros(band.status.shape, np.bool_)
        setattr(band, name, mask)
    now = _mask_of(band, np.empty(0, np.int64) if key_ids is None else key_ids)
    differs = np.flatnonzero(mask[row] != now)
    mask[row] = now
    if not len(differs):
        return None
    levels = None if band.levels is None else band.levels[row, differs]
    return RowChange(row, differs, band.status[row, differs], levels)


def is_extension(key_ids: NDArray[np.int64], before: NDArray[np.int64]) -> bool:
    """Whether ``key_ids`` begin with those of before, so that the member numbers of before are still right."""
    import numpy as np

    return np.array_equal(key_ids[: len(before)], before)


def can_append(band: Band, key_ids: NDArray[np.int64]) -> bool:
    """Whether `Band.append_members` can turn the band's members into these: only new keys were added, at the end."""
    old = len(band.members)
    if not old or len(key_ids) <= old or not is_extension(key_ids, band.members.key_ids):
        return False
    return bool(key_ids[old:].min() > key_ids[:old].max())
