"""The bands of a heatmap: the assets of one partitions definition, with the status and the value of every partition.

A band is read whole once and then kept up with by what changed; each of its arrays has a row an asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.catalog import Batch, Catalog, SetRecord, queries
from nbpart.catalog.queries import cells
from nbpart.catalog.records import CellFacts
from nbpart.errors import UnknownNameError, nearest
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets.heatmap_model import (
    Grid,
    Layout,
    Link,
    Members,
    Places,
    Scale,
    fit_scale,
    holds,
    plan_grid,
    plan_places,
    rank_by_status,
    rank_by_value,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MISSING, MADE = STATUS_CODES[PartitionStatus.MISSING], STATUS_CODES[PartitionStatus.MATERIALIZED]
#: More partitions than these are never drawn as a grid, so their parameters are not read.
_MAX_IN_GRID = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """An asset or source of a band."""

    asset_id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Structure:
    """Which rows stand in which band, how they read each other, and the sequence at which that was so."""

    sequence: int
    bands: tuple[tuple[SetRecord, tuple[Row, ...]], ...]
    links: tuple[Link, ...]

    @property
    def shape(self) -> Any:
        """What has to be equal for the bands to go on as they are, whatever keys came and went."""
        return [(s.set_id, s.params, rows) for s, rows in self.bands], self.links


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person asked to see: colours, order, and which partitions.

    `color_by` is ``"status"`` or a column or metric; `sort_by` None (as added), ``"key"``, ``"status"``, or a column or
    metric; `statuses` are codes, none of them means all; `text` is a part of the key.
    """

    color_by: str = "status"
    sort_by: str | None = None
    statuses: frozenset[int] = frozenset()
    text: str = ""

    @property
    def column(self) -> str | None:
        """The value that is read with each partition."""
        return None if self.color_by == "status" else self.color_by


class Band:
    """The partitions of one set, and where each of them stands."""

    def __init__(self, key_set: SetRecord, version: int, rows: tuple[Row, ...], members: Members) -> None:
        import numpy as np

        self.set = key_set
        self.version = version
        #: Since then keys were only added at the end: member numbers of that version still hold.
        self.first_version = version
        self.rows = rows
        self.members = members
        self.places = Places(len(members))
        self.grid: Grid | None = None
        self.scale: Scale | None = None
        self.status: NDArray[np.uint8] = np.full((len(rows), len(members)), MISSING, np.uint8)
        self._counts: NDArray[np.int64] | None = None
        #: Which members changed since they were put in their order; None where nothing that happens changes it.
        self.unsorted: NDArray[np.bool_] | None = None
        self.steps: NDArray[np.uint8] | None = None
        #: A value came that the scale does not hold: the band has to be read anew.
        self.is_outgrown = False

    @property
    def layout(self) -> Layout:
        if not self.set.set_id:
            return "cell"
        # with a part of the partitions or another order, a grid would have holes or lie
        return "line" if self.grid is None or self.places.members is not None else "grid"

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many partitions of each row have each status, by code."""
        import numpy as np

        if self._counts is None:
            # a comparison a status is several times faster than bincount, which makes int64 of all
            codes = range(len(STATUS_CODES))
            self._counts = np.array([[np.count_nonzero(row == code) for code in codes] for row in self.status])
        return self._counts

    def set_status(self, row: int, members: NDArray[np.int64], status: NDArray[np.uint8]) -> None:
        """Give members of a row, each named once, these statuses."""
        import numpy as np

        n = len(STATUS_CODES)
        self.counts[row] += np.bincount(status, minlength=n) - np.bincount(self.status[row, members], minlength=n)
        self.status[row, members] = status

    def grow(self, version: int, key_ids: NDArray[np.int64]) -> None:
        """Take in keys that were added at the end; none of their partitions was ever touched."""
        import numpy as np

        more = len(key_ids) - len(self.members)
        self.status = np.pad(self.status, ((0, 0), (0, more)), constant_values=MISSING)
        self.counts[:, MISSING] += more
        if self.steps is not None:
            self.steps = np.pad(self.steps, ((0, 0), (0, more)))
        self.members = Members(key_ids)
        self.places = Places(len(key_ids))
        self.version = version

    def place(self, places: Places, sort_by: str | None) -> None:
        """Show the members at these places, which are in that order now."""
        import numpy as np

        self.places = places
        self.unsorted = np.zeros(len(self.members), np.bool_) if sort_by not in (None, "key") else None

    def note_moves(self, key_ids: NDArray[np.int64], status: NDArray[np.uint8], sort_by: str | None) -> None:
        """Partitions have these statuses now: their order may be another."""
        if self.unsorted is None:
            return
        # a value changes with what is made or gone
        ids = key_ids if sort_by == "status" else key_ids[(status == MADE) | (status == MISSING)]
        numbers = self.members.find(ids)
        self.unsorted[numbers[numbers >= 0]] = True


def load_structure(batch: Batch, names: Sequence[str] | None) -> Structure:
    """The bands of these assets, or of all that are computed; sets in the order of their first asset, singles last.

    Raises UnknownNameError for a name that is not registered.
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
    links = [Link(*link) for link in cells.load_dependencies(batch)]
    sets = {key_set.set_id: key_set for key_set in queries.load_sets(batch)}
    order = sorted(dict.fromkeys(set_of[row.asset_id] for row in rows), key=lambda set_id: set_id == 0)
    bands = tuple((sets[s], tuple(row for row in rows if set_of[row.asset_id] == s)) for s in order)
    kept = tuple(link for link in links if {link.reader, link.read} <= shown)
    return Structure(batch.sequence, bands, kept)


def load_band(catalog: Catalog, key_set: SetRecord, rows: tuple[Row, ...], choice: Choice) -> Band:
    """Read a band whole, each asset in a batch of its own: others wait for one of them at most.

    What changes in between is told again by `cells_changed_since` the first of them.
    """
    import numpy as np

    version, key_ids = catalog.read(
        lambda b: (queries.set_version(b, key_set.set_id), cells.member_ids(b, key_set.set_id))
    )
    band = Band(key_set, version, rows, Members(key_ids))
    values: list[NDArray[np.float64]] = []
    for place, row in enumerate(rows):
        facts = catalog.read(lambda b, row=row: cells.cell_facts(b, row.asset_id, choice.column))  # type: ignore[misc]
        band.status[place] = band.members.fill(facts.key_ids, facts.status, MISSING)
        if choice.column:
            values.append(band.members.fill(facts.key_ids, facts.values, np.nan))
    if choice.column:
        band.scale = fit_scale(values)
        blank = Scale(0, 0)
        band.steps = np.stack([(band.scale or blank).encode(some) for some in values])
    if key_set.params and 0 < len(band.members) <= _MAX_IN_GRID:
        table = catalog.read(lambda b: cells.member_parameters(b, key_set.set_id))
        if table.num_rows == len(band.members):
            band.grid = plan_grid({name: table.column(name).to_pylist() for name in table.column_names})
    band.place(find_places(catalog, band, choice), choice.sort_by)
    return band


def find_places(catalog: Catalog, band: Band, choice: Choice) -> Places:
    """Where the partitions of a band stand, as the filter and the order want it."""
    return plan_places(len(band.members), _keep(catalog, band, choice), _rank(catalog, band, choice.sort_by))


def is_out_of_place(catalog: Catalog, band: Band, choice: Choice) -> bool:
    """Whether the filter lets other partitions through now than those that are shown."""
    import numpy as np

    keep = _keep(catalog, band, choice)
    if keep is None or band.places.members is None:
        return False
    shown = np.zeros(len(band.members), np.bool_)
    shown[band.places.members] = True
    return not np.array_equal(keep, shown)


def _keep(catalog: Catalog, band: Band, choice: Choice) -> NDArray[np.bool_] | None:
    """The members that the filter lets through: one of the statuses in any row, and the text in the key."""
    import numpy as np

    if not band.set.set_id or not (choice.text or choice.statuses):
        return None
    keep = np.ones(len(band.members), np.bool_)
    if choice.statuses:
        wanted = np.zeros(len(STATUS_CODES), np.bool_)
        wanted[sorted(choice.statuses)] = True
        keep &= wanted[band.status].any(axis=0)
    if choice.text:
        keep &= _mark(band, catalog.read(lambda b: cells.ids_matching(b, band.set.set_id, choice.text)))
    return keep


def _mark(band: Band, key_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    import numpy as np

    marked = np.zeros(len(band.members), np.bool_)
    numbers = band.members.find(key_ids)
    marked[numbers[numbers >= 0]] = True
    return marked


def _rank(catalog: Catalog, band: Band, sort_by: str | None) -> NDArray[Any] | None:
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
class Change:
    """Partitions of one row that are not what they were, by member number."""

    row: int
    members: NDArray[np.int64]
    status: NDArray[np.uint8]
    steps: NDArray[np.uint8] | None


def apply_facts(band: Band, row: int, facts: CellFacts) -> Change | None:
    """Bring a row up to date; None where nothing of it is new."""
    numbers = band.members.find(facts.key_ids)
    inside = numbers >= 0
    numbers, status = numbers[inside], facts.status[inside]
    differs = band.status[row, numbers] != status
    steps = None
    if band.steps is not None:
        steps = (band.scale or Scale(0, 0)).encode(facts.values[inside])
        band.is_outgrown |= not holds(band.scale, facts.values[inside])
        differs |= band.steps[row, numbers] != steps
        band.steps[row, numbers] = steps
        steps = steps[differs]
    band.set_status(row, numbers, status)
    if not differs.any():
        return None
    return Change(row, numbers[differs], status[differs], steps)


def begins_alike(key_ids: NDArray[np.int64], before: NDArray[np.int64]) -> bool:
    """Whether the members became these by keys added at the end, if at all: member numbers of before still hold."""
    import numpy as np

    return np.array_equal(key_ids[: len(before)], before)


def can_grow(band: Band, key_ids: NDArray[np.int64]) -> bool:
    """Whether the members became these by keys added at the end, and by keys of which nothing is known yet."""
    old = len(band.members)
    if not old or len(key_ids) <= old or not begins_alike(key_ids, band.members.key_ids):
        return False
    return bool(key_ids[old:].min() > key_ids[:old].max())
