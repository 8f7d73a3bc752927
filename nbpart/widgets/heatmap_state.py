"""The state of one heatmap: it reads the catalog, and publishes the whole view or a patch of what changed.

Any thread may call it. One thread at a time changes it, and reads the catalog without `HeatmapState.lock`; what is
shown is replaced with the lock held, so that whoever holds it sees a consistent view.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from nbpart.catalog import Batch, Catalog, queries
from nbpart.catalog.judged import load_unsound_ids
from nbpart.catalog.lateness import find_next_due, load_late_ids
from nbpart.catalog.queries import cells
from nbpart.catalog.records import CellFacts, PartitionRecord
from nbpart.errors import WorkspaceError
from nbpart.widgets import heatmap_bands, heatmap_selection
from nbpart.widgets.heatmap_bands import Band, RowChange, Structure, ViewOptions
from nbpart.widgets.heatmap_highlights import Chosen, find_neighbours, place_neighbours
from nbpart.widgets.heatmap_model import Places, Range, Selection
from nbpart.widgets.heatmap_selection import OutOfDateError
from nbpart.widgets.heatmap_views import Patch, View, band_json, make_cells, make_patch
from nbpart.widgets.payloads import HeatmapHeadJson, HighlightJson, SelectedPlacesJson
from nbpart.widgets.schema import BadRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The keys of a larger selection are not listed in it.
MAX_NAMED = 100
#: The most keys that one request may ask for.
MAX_KEYS = 200
#: Where more than one in so many partitions changed, the whole view is published instead of a patch.
_PATCH_UP_TO_ONE_IN = 5


@dataclass(frozen=True, slots=True)
class CatalogChanges:
    """What changed in the catalog since the state was read.

    ``load_count`` is that of the state when this was read. ``changed`` are the new facts by asset id, ``members`` the
    version and the key ids of sets whose keys changed, by set id, ``metrics`` the names of metrics in what changed,
    ``late`` the ids of the keys that are late now, of each asset of which something is expected, ``late_until`` when
    that may change by the time alone, ``unsound`` the ids of those whose data do not pass a check.
    """

    load_count: int
    structure: Structure
    changed: Mapping[int, CellFacts]
    members: Mapping[int, tuple[int, NDArray[np.int64]]]
    metrics: Sequence[str]
    late: Mapping[int, NDArray[np.int64]]
    late_until: datetime | None
    unsound: Mapping[int, NDArray[np.int64]]


class HeatmapState:
    """The bands of one heatmap as its `options` want them, up to a sequence number of the catalog.

    ``assets`` are names, or None for all that are computed. ``publish`` is called with the lock held: with a patch, or
    with None after which the whole `view` is new. `lock` may be replaced before another thread has this object. Raises
    UnknownNameError for an asset that is not registered.
    """

    def __init__(
        self,
        catalog: Catalog,
        assets: Sequence[str] | None = None,
        options: ViewOptions | None = None,
        *,
        publish: Callable[[Patch | None], None] = lambda patch: None,
    ) -> None:
        self._catalog = catalog
        self._assets = None if assets is None else tuple(assets)
        self._focus: tuple[str, ...] | None = None
        self._work_lock = threading.RLock()
        self.lock = threading.RLock()
        self._publish = publish
        self._structure: Structure
        self._bands: list[Band] = []
        self._metrics: list[str] = []
        self._selection: Selection | None = None
        self._load_count = 0
        #: When what is late may change by the time alone; None where nothing is expected.
        self.late_until: datetime | None = None
        self._view_number = 0
        self.options = options or ViewOptions()
        self._load()

    @property
    def sequence(self) -> int:
        """The sequence number of the catalog up to which it is current."""
        return self._structure.sequence

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands; read them with the lock held."""
        return tuple(self._bands)

    def view(self) -> View:
        """Return all that is shown."""
        with self.lock:
            return View(self._head(), make_cells(self._bands))

    def set_options(self, options: ViewOptions) -> None:
        """Change colours, order or filter."""
        with self._work_lock:
            before, self.options = self.options, options
            if (before.color_by, before.across, before.down) != (options.color_by, options.across, options.down):
                self._load()
            elif before != options:
                self._arrange()

    def sort(self) -> None:
        """Sort and filter again, by the newest facts."""
        self.update()
        with self._work_lock:
            self._arrange()

    def focus(self, assets: Sequence[str] | None) -> None:
        """Show only these assets, or all again with None. Raises UnknownNameError, and then nothing has changed."""
        with self._work_lock:
            before, self._focus = self._focus, None if assets is None else tuple(assets)
            try:
                self._load()
            except WorkspaceError:
                self._focus = before
                raise

    def reload(self) -> None:
        """Read everything again."""
        with self._work_lock:
            self._load()

    def read_changes(self, batch: Batch) -> CatalogChanges:
        """Read what changed in the catalog; takes no lock."""
        load_count, structure, held, column = self._load_count, self._structure, self._bands, self.options.column
        current = self._read_structure(batch)
        asset_ids = [row.asset_id for band in held for row in band.rows]
        changed = cells.cells_changed_since(batch, asset_ids, structure.sequence, column)
        versions = {band.set.set_id: band.version for band in held}
        members = {
            key_set.set_id: (key_set.version, cells.member_ids(batch, key_set.set_id))
            for key_set, _ in current.bands
            if versions.get(key_set.set_id, key_set.version) != key_set.version
        }
        metrics = cells.metric_names(batch, asset_ids, structure.sequence) if changed else ()
        late = load_late_ids(batch, asset_ids)
        until, unsound = find_next_due(batch), load_unsound_ids(batch, asset_ids)
        return CatalogChanges(load_count, current, changed, members, metrics, late, until, unsound)

    def update(self, found: CatalogChanges | None = None) -> None:
        """Apply what `read_changes` returned, or what it returns now, and publish what that changes."""
        with self._work_lock:
            if found is None or found.load_count != self._load_count:
                found = self._catalog.read(self.read_changes)
            self.late_until = found.late_until
            if found.structure.shape != self._structure.shape or not self._can_append(found.members):
                self._load()
                return
            with self.lock:
                before = self._count_unsorted(), self._metrics
                changes = self._apply_changes(found)
                is_head_changed = before != (self._count_unsorted(), self._metrics)
            if any(band.exceeds_scale for band in self._bands):
                self._load()
            elif self._is_filter_outdated(changes, found):
                self._arrange()
            elif changes or found.members or is_head_changed:
                self._publish_changes(changes, found.members)

    def details(self, view: int, band: int, row: int, place: int) -> PartitionRecord | None:
        """Return what is recorded about the partition at a place of the view; None where there is none.

        Raises OutOfDateError if the view is not the current one any more.
        """
        with self.lock:
            one = self._get_band(view, band)
            if not (0 <= row < len(one.rows) and 0 <= place < one.places.n):
                return None
            asset_id, key_id = one.rows[row].asset_id, int(_ids_at(one, [place])[0])
        return self._catalog.read(lambda b: cells.find_partition(b, asset_id, key_id))

    def keys(self, view: int, band: int, places: Sequence[int]) -> list[str | None]:
        """Return the keys at some places, at most `MAX_KEYS`; None for a place that does not exist.

        Raises OutOfDateError if the view is not the current one any more.
        """
        with self.lock:
            one = self._get_band(view, band)
            inside = [place for place in places[:MAX_KEYS] if 0 <= place < one.places.n]
            ids = _ids_at(one, inside)
        texts: Sequence[str | None] = self._catalog.read(lambda b: queries.key_texts(b, ids)).tolist() if inside else []
        named = dict(zip(inside, texts, strict=True))
        return [named.get(place) for place in places[:MAX_KEYS]]

    def select(self, view: int, band: int, rows: Sequence[int], ranges: Sequence[Range]) -> Selection:
        """Select rows and ranges of places, and return the selection.

        Raises BadRequest for a row that does not exist, OutOfDateError if the view is not the current one any more.
        """
        with self.lock:
            one = self._get_band(view, band)
            selection = heatmap_selection.make_selection(one, rows, ranges)
            self._selection = selection
            key_ids = one.members.key_ids
        return self._with_keys(selection, key_ids)

    def select_partition(self, asset: str, key: str) -> Selection | None:
        """Select one partition by its key, and return the selection; None where it is not shown."""
        with self.lock:
            band = next((band for band in self._bands if any(row.name == asset for row in band.rows)), None)
        if band is None or not band.set.name:
            return None
        asset_id = next(row.asset_id for row in band.rows if row.name == asset)
        key_id = self._catalog.read(lambda b: queries.find_key(b, asset_id, key))
        with self.lock:
            members = (band.members.key_ids == key_id).nonzero()[0].tolist()
            if band not in self._bands or not members:
                return None
            found = Selection(band.set.name, band.version, (asset,), ((members[0], members[0] + 1),), (key,))
            self._selection = found
        return found

    @property
    def selected_places(self) -> SelectedPlacesJson | None:
        """Where the selection is in the view; read it with the lock held."""
        return heatmap_selection.find_selected_places(self._bands, self._selection)

    def find_highlights(
        self, view: int, band: int, rows: Sequence[int], ranges: Sequence[Range]
    ) -> list[HighlightJson]:
        """Find the places that rows and ranges of places read, and those that read them. Raises as `select`."""
        with self.lock:
            one = self._get_band(view, band)
            selection = heatmap_selection.make_selection(one, rows, ranges)
            ids = heatmap_selection.take(one.members.key_ids, selection.ranges)
            asset_ids = frozenset(row.asset_id for row in one.rows if row.name in selection.assets)
            chosen = Chosen(one.set.set_id, asset_ids, ids)
            dependencies = self._structure.dependencies
            set_of = {row.asset_id: each.set.set_id for each in self._bands for row in each.rows}
            members = {each.set.set_id: each.members.key_ids for each in self._bands}
        found = self._catalog.read(lambda b: find_neighbours(b, chosen, dependencies, set_of, members))
        with self.lock:
            self._get_band(view, band)
            return place_neighbours(self._bands, found)

    def unselect(self) -> None:
        """Select nothing."""
        with self.lock:
            self._selection = None

    def selected_ids(self, selection: Selection) -> NDArray[np.int64]:
        """Return the ids of a selection's keys. Raises OutOfDateError if the set has lost keys since."""
        with self.lock:
            band = heatmap_selection.find_band(self._bands, selection)
            return heatmap_selection.take(band.members.key_ids, selection.ranges)

    def count_selected(self, selection: Selection) -> tuple[int, ...]:
        """Return how many of the selected partitions have each status, by code. Raises as `selected_ids`."""
        with self.lock:
            return heatmap_selection.count_selected(heatmap_selection.find_band(self._bands, selection), selection)

    def has_all_keys(self, selection: Selection) -> bool:
        """Whether the selection has every key of its set. Raises as `selected_ids`."""
        with self.lock:
            band = heatmap_selection.find_band(self._bands, selection)
            return selection.ranges == ((0, len(band.members)),)

    def _with_keys(self, selection: Selection, key_ids: NDArray[np.int64]) -> Selection:
        """The selection with its keys, if they are few."""
        if sum(stop - start for start, stop in selection.ranges) > MAX_NAMED or not selection.set_name:
            return selection
        ids = heatmap_selection.take(key_ids, selection.ranges)
        return replace(selection, keys=tuple(self._catalog.read(lambda b: queries.key_texts(b, ids)).tolist()))

    def _get_band(self, view: int, number: int) -> Band:
        if view != self._view_number:
            raise OutOfDateError("What is drawn has changed since: try again.")
        if not 0 <= number < len(self._bands):
            raise BadRequest("There is no such band.")
        return self._bands[number]

    def _read_structure(self, batch: Batch) -> Structure:
        return heatmap_bands.load_structure(batch, self._assets if self._focus is None else self._focus)

    def _load(self) -> None:
        """Read all bands whole, one after the other; what changes meanwhile is found by the next update."""
        structure, self.late_until = self._catalog.read(lambda b: (self._read_structure(b), find_next_due(b)))
        loaded = [
            heatmap_bands.load_band(self._catalog, key_set, rows, self.options) for key_set, rows in structure.bands
        ]
        asset_ids = [row.asset_id for _, rows in structure.bands for row in rows]
        metrics = self._catalog.read(lambda b: cells.metric_names(b, asset_ids))
        with self.lock:
            self._load_count += 1
            before = {band.set.set_id: band for band in self._bands}
            for band in loaded:
                old = before.get(band.set.set_id)
                if old is not None and heatmap_bands.is_extension(band.members.key_ids, old.members.key_ids):
                    band.first_version = old.first_version
            self._bands, self._structure, self._metrics = loaded, structure, metrics
            self._publish_view()

    def _arrange(self) -> None:
        """Sort and filter the bands by what is held of them."""
        arranged: list[Places] = [heatmap_bands.load_places(self._catalog, b, self.options) for b in self._bands]
        with self.lock:
            for band, places in zip(self._bands, arranged, strict=True):
                band.set_places(places, self.options)
            self._publish_view()

    def _publish_view(self) -> None:
        self._view_number += 1
        self._publish(None)

    def _can_append(self, members: Mapping[int, tuple[int, NDArray[np.int64]]]) -> bool:
        """Whether keys were only added at the end, of sets that are shown unsorted, unfiltered and not as a grid."""
        if not members:
            return True
        as_added = not self.options.is_arranged
        of_set = {band.set.set_id: band for band in self._bands}
        return as_added and all(
            of_set[set_id].grid is None and heatmap_bands.can_append(of_set[set_id], key_ids)
            for set_id, (_, key_ids) in members.items()
        )

    def _apply_changes(self, found: CatalogChanges) -> list[tuple[int, RowChange]]:
        """Update the arrays; return (index of the band, change) of each row that differs from before."""
        for band in self._bands:
            if band.set.set_id in found.members:
                band.append_members(*found.members[band.set.set_id])
            for row in band.rows:
                if (facts := found.changed.get(row.asset_id)) is not None:
                    band.mark_unsorted(facts.key_ids, facts.status, self.options.sort_by)
        self._structure = found.structure
        known = {name.lower() for name in self._metrics}
        self._metrics = sorted([*self._metrics, *(m for m in found.metrics if m.lower() not in known)], key=str.lower)
        changes: list[tuple[int, RowChange]] = []
        for number, band in enumerate(self._bands):
            for place, one in enumerate(band.rows):
                facts = found.changed.get(one.asset_id)
                changed = None if facts is None else heatmap_bands.apply_facts(band, place, facts)
                late = heatmap_bands.apply_mask(band, "late", place, found.late.get(one.asset_id))
                unsound = heatmap_bands.apply_mask(band, "unsound", place, found.unsound.get(one.asset_id))
                changes += [(number, change) for change in (changed, late, unsound) if change is not None]
        return changes

    def _publish_changes(self, changes: Sequence[tuple[int, RowChange]], grown_sets: Mapping[int, object]) -> None:
        n = sum(len(change.members) for _, change in changes)
        with self.lock:
            if n > MAX_KEYS and n * _PATCH_UP_TO_ONE_IN > sum(band.status.size for band in self._bands):
                self._publish_view()
                return
            unsorted = self._count_unsorted()
            self._publish(
                make_patch(
                    self._bands, changes, grown_sets, sequence=self.sequence, metrics=self._metrics, unsorted=unsorted
                )
            )

    def _is_filter_outdated(self, changes: Sequence[tuple[int, RowChange]], found: CatalogChanges) -> bool:
        """Whether a partition has come to match the filter by status or condition, or does not match it any more.

        The order, in contrast, is kept until somebody sorts again; `unsorted` in the head counts what is out of order.
        """
        if self.options.choose and (found.changed or changes):
            touched = set(range(len(self._bands)))  # a condition may ask what is not drawn, and follow what is read
        elif self.options.statuses:
            touched = {number for number, _ in changes}
        else:
            return False
        return any(
            heatmap_bands.is_filter_outdated(self._catalog, self._bands[number], self.options) for number in touched
        )

    def _count_unsorted(self) -> int:
        """How many keys may be out of order."""
        return sum(int(band.unsorted.sum()) for band in self._bands if band.unsorted is not None)

    def _head(self) -> HeatmapHeadJson:
        options = self.options
        return {
            "view": self._view_number,
            "sequence": self.sequence,
            "bands": [band_json(band) for band in self._bands],
            "metrics": self._metrics,
            "unsorted": self._count_unsorted(),
            "color_by": options.color_by,
            "sort_by": options.sort_by,
            "statuses": sorted(options.statuses),
            "text": options.text,
            "across": options.across,
            "down": options.down,
            "selection": self.selected_places,
            "focus": None if self._focus is None else list(self._focus),
        }


def _ids_at(band: Band, places: Sequence[int]) -> NDArray[np.int64]:
    """The key ids at some places that exist."""
    import numpy as np

    at = np.asarray(places, np.int64)
    members = at if band.places.members is None else band.places.members[at]
    return band.members.key_ids[members]
