"""What one heatmap shows: it reads the catalog, and publishes the whole view or what changed of it.

Any thread may call it. One at a time works on it, reading the catalog without the lock; what is shown changes with the
lock held, so that who holds it sees a view that is whole.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog import Batch, Catalog, queries
from nbpart.catalog.queries import cells
from nbpart.catalog.records import CellFacts, PartitionRecord
from nbpart.errors import WorkspaceError
from nbpart.states import STATUS_CODES
from nbpart.widgets import heatmap_bands as bands
from nbpart.widgets.heatmap_bands import Band, Change, Choice, Structure
from nbpart.widgets.heatmap_model import Places, Range, Selection, plan_highlights, to_ranges
from nbpart.widgets.payloads import (
    BandJson,
    BandNewsJson,
    CellsPatch,
    GridJson,
    HeadJson,
    HighlightJson,
    RowJson,
    ScaleJson,
    SelectedJson,
)
from nbpart.widgets.schema import BadRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Selections of more keys than these do not name them.
MAX_NAMED = 100
#: What one request may ask for.
MAX_KEYS, MAX_RANGES = 200, 1_000
#: Where more than one in so many partitions changed, the whole is told.
_PATCH_DOWN_TO = 5


class OutOfDateError(WorkspaceError):
    """A request speaks of places as they were in a view that is gone."""


@dataclass(frozen=True, slots=True)
class View:
    """All that is shown: `head` is plain JSON, `cells` a deflated stream of bytes.

    The stream holds for each band in turn: the status of each row's places, the value steps of each row's places (where
    colours are values), and the cell of each place as little-endian uint32 (where the layout is a grid).
    """

    head: HeadJson
    cells: bytes


@dataclass(frozen=True, slots=True)
class Patch:
    """What changed since the last view or patch.

    `head["parts"]` says (band, row, n) of each part in turn; `places` (uint32), `status` and `steps` (uint8; empty if
    colours are statuses) hold the n places of each. `head["bands"]` has what is new of the bands that changed.
    """

    head: CellsPatch
    places: bytes
    status: bytes
    steps: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the catalog found: what changed, and by set the version and members of those that changed.

    ``metrics`` are those of what changed.
    """

    loads: int
    structure: Structure
    changed: Mapping[int, CellFacts]
    members: Mapping[int, tuple[int, NDArray[np.int64]]]
    metrics: Sequence[str]


class HeatmapState:
    """The bands of one heatmap, as its choice wants them, up to a sequence.

    `assets` are names, or None for all that are computed. `lock` may be set before anybody else knows of this.
    `publish` is called with the lock held: with a patch, or
    with None where all that is shown is new. Raises UnknownNameError.
    """

    def __init__(
        self,
        catalog: Catalog,
        assets: Sequence[str] | None = None,
        choice: Choice | None = None,
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
        self._selected: Selection | None = None
        self._loads = 0
        self._number = 0
        self.choice = choice or Choice()
        self._load()

    @property
    def sequence(self) -> int:
        """The commit up to which it is true."""
        return self._structure.sequence

    @property
    def bands(self) -> tuple[Band, ...]:
        """What is held, to be read with the lock held."""
        return tuple(self._bands)

    def view(self) -> View:
        """The whole, as it is held."""
        with self.lock:
            parts: list[bytes] = []
            for band in self._bands:
                parts += [band.places.take(row).tobytes() for row in band.status]
                parts += [] if band.steps is None else [band.places.take(row).tobytes() for row in band.steps]
                if band.layout == "grid" and band.grid is not None:
                    parts.append(band.grid.cells.astype("<u4").tobytes())
            return View(self._head(), zlib.compress(b"".join(parts), 1))

    def choose(self, choice: Choice) -> None:
        """Show it in another way."""
        with self._work_lock:
            before, self.choice = self.choice, choice
            if before.color_by != choice.color_by:
                self._load()
            elif before != choice:
                self._place()

    def sort(self) -> None:
        """Put what is shown in its order again, as the catalog is now."""
        self.follow()
        with self._work_lock:
            self._place()

    def focus(self, assets: Sequence[str] | None) -> None:
        """Show only these assets of all, or all again. Raises UnknownNameError, and then shows what it showed."""
        with self._work_lock:
            before, self._focus = self._focus, None if assets is None else tuple(assets)
            try:
                self._load()
            except WorkspaceError:
                self._focus = before
                raise

    def reload(self) -> None:
        """Read everything anew."""
        with self._work_lock:
            self._load()

    def read(self, batch: Batch) -> Found:
        """What changed since the last look; it takes no lock."""
        loads, structure, held, column = self._loads, self._structure, self._bands, self.choice.column
        seen = self._read_structure(batch)
        asset_ids = [row.asset_id for band in held for row in band.rows]
        changed = cells.cells_changed_since(batch, asset_ids, structure.sequence, column)
        versions = {band.set.set_id: band.version for band in held}
        members = {
            key_set.set_id: (key_set.version, cells.member_ids(batch, key_set.set_id))
            for key_set, _ in seen.bands
            if versions.get(key_set.set_id, key_set.version) != key_set.version
        }
        metrics = cells.metric_names(batch, asset_ids, structure.sequence) if changed else ()
        return Found(loads, seen, changed, members, metrics)

    def follow(self, found: Found | None = None) -> None:
        """Catch up with the catalog, or with what `read` found, and publish what that changes."""
        with self._work_lock:
            if found is None or found.loads != self._loads:
                found = self._catalog.read(self.read)
            if found.structure.shape != self._structure.shape or not self._can_take_in(found.members):
                self._load()
                return
            with self.lock:
                before = self._count_unsorted(), self._metrics
                changes = self._take_in(found)
                news = before != (self._count_unsorted(), self._metrics)
            if any(band.is_outgrown for band in self._bands):
                self._load()
            elif self._is_out_of_place(changes):
                self._place()
            else:
                self._tell(changes, found.members, news=news)

    def details(self, view: int, band: int, row: int, place: int) -> PartitionRecord | None:
        """What is known of the partition that stands there; None where there is none."""
        with self.lock:
            one = self._band(view, band)
            if not (0 <= row < len(one.rows) and 0 <= place < one.places.n):
                return None
            asset_id, key_id = one.rows[row].asset_id, int(_ids_at(one, [place])[0])
        return self._catalog.read(lambda b: cells.find_partition(b, asset_id, key_id))

    def keys(self, view: int, band: int, places: Sequence[int]) -> list[str | None]:
        """The keys at some places; None for a place that is not there."""
        with self.lock:
            one = self._band(view, band)
            inside = [place for place in places[:MAX_KEYS] if 0 <= place < one.places.n]
            ids = _ids_at(one, inside)
        texts: Sequence[str | None] = self._catalog.read(lambda b: queries.key_texts(b, ids)).tolist() if inside else []
        named = dict(zip(inside, texts, strict=True))
        return [named.get(place) for place in places[:MAX_KEYS]]

    def select(
        self, view: int, band: int, rows: Sequence[int], ranges: Sequence[Range]
    ) -> tuple[Selection, list[HighlightJson]]:
        """The selection of those rows and places, and what it reads and is read by, as rows and places.

        Raises BadRequest for what cannot be there, OutOfDateError where the view has changed since.
        """
        with self.lock:
            one = self._band(view, band)
            if not rows or not all(0 <= row < len(one.rows) for row in rows):
                raise BadRequest("There is no such row.")
            inside = tuple((max(0, a), min(b, one.places.n)) for a, b in ranges)
            inside = tuple((a, b) for a, b in inside if a < b)
            chosen = [one.rows[row] for row in sorted(set(rows))]
            names = tuple(row.name for row in chosen)
            selection = Selection(one.set.name, one.version, names, _members_in(one, inside))
            found = plan_highlights([row.asset_id for row in chosen], inside, self._structure.links)
            where = {row.asset_id: (b, r) for b, its in enumerate(self._bands) for r, row in enumerate(its.rows)}
            highlights: list[HighlightJson] = []
            for h in found:
                number, row = where[h.asset_id]
                its_ranges = None if h.ranges is None else list(h.ranges)
                highlights.append({"band": number, "row": row, "role": h.role, "ranges": its_ranges})
            self._selected = selection
            ids = one.members.key_ids
        return self._with_keys(selection, ids), highlights

    def unselect(self) -> None:
        with self.lock:
            self._selected = None

    def selected_ids(self, selection: Selection) -> NDArray[np.int64]:
        """The ids of a selection's keys. Raises OutOfDateError where the set has lost keys since it was made."""
        import numpy as np

        with self.lock:
            band = self._band_of(selection)
            return np.concatenate([band.members.key_ids[a:b] for a, b in selection.ranges] or [np.empty(0, np.int64)])

    def count_selected(self, selection: Selection) -> tuple[int, ...]:
        """How many of the selected partitions have each status, by code. Raises as `selected_ids`."""
        import numpy as np

        with self.lock:
            band = self._band_of(selection)
            total = np.zeros(len(STATUS_CODES), np.int64)
            for row, codes in zip(band.rows, band.status, strict=True):
                for a, b in selection.ranges if row.name in selection.assets else ():
                    total += np.bincount(codes[a:b], minlength=len(total))
            return tuple(total.tolist())

    def holds_all(self, selection: Selection) -> bool:
        """Whether the selection has every key of its set."""
        with self.lock:
            return selection.ranges == ((0, len(self._band_of(selection).members)),)

    def _band_of(self, selection: Selection) -> Band:
        band = next((band for band in self._bands if band.set.name == selection.set_name), None)
        if band is None or band.version < selection.version or band.first_version > selection.version:
            raise OutOfDateError("The keys of the selection have changed since it was made: select them again.")
        return band

    def _selected_places(self) -> SelectedJson | None:
        """Where the selection stands in this view; None where it stands nowhere, or in too many pieces."""
        selected = self._selected
        for number, band in enumerate(self._bands):
            if selected is None or band.set.name != selected.set_name or band.first_version > selected.version:
                continue
            rows = [row for row, one in enumerate(band.rows) if one.name in selected.assets]
            ranges = _places_of(band, selected.ranges)
            if rows and ranges and len(ranges) <= MAX_RANGES:
                return {"band": number, "rows": rows, "ranges": list(ranges)}
        return None

    def _with_keys(self, selection: Selection, key_ids: NDArray[np.int64]) -> Selection:
        import numpy as np

        if sum(b - a for a, b in selection.ranges) > MAX_NAMED or not selection.set_name:
            return selection
        chosen = np.concatenate([key_ids[a:b] for a, b in selection.ranges] or [key_ids[:0]])
        keys = tuple(self._catalog.read(lambda b: queries.key_texts(b, chosen)).tolist())
        return Selection(selection.set_name, selection.version, selection.assets, selection.ranges, keys)

    def _band(self, view: int, number: int) -> Band:
        if view != self._number:
            raise OutOfDateError("What is drawn has changed since: try again.")
        if not 0 <= number < len(self._bands):
            raise BadRequest("There is no such band.")
        return self._bands[number]

    def _read_structure(self, batch: Batch) -> Structure:
        return bands.load_structure(batch, self._assets if self._focus is None else self._focus)

    def _load(self) -> None:
        """Read all bands, each whole; what happens meanwhile is found by the next look."""
        structure = self._catalog.read(self._read_structure)
        loaded = [bands.load_band(self._catalog, key_set, rows, self.choice) for key_set, rows in structure.bands]
        asset_ids = [row.asset_id for _, rows in structure.bands for row in rows]
        metrics = self._catalog.read(lambda b: cells.metric_names(b, asset_ids))
        with self.lock:
            self._loads += 1
            before = {band.set.set_id: band for band in self._bands}
            for band in loaded:
                old = before.get(band.set.set_id)
                if old is not None and bands.begins_alike(band.members.key_ids, old.members.key_ids):
                    band.first_version = old.first_version
            self._bands, self._structure, self._metrics = loaded, structure, metrics
            self._renew()

    def _place(self) -> None:
        placed: list[Places] = [bands.find_places(self._catalog, band, self.choice) for band in self._bands]
        with self.lock:
            for band, places in zip(self._bands, placed, strict=True):
                band.place(places, self.choice.sort_by)
            self._renew()

    def _renew(self) -> None:
        self._number += 1
        self._publish(None)

    def _can_take_in(self, members: Mapping[int, tuple[int, NDArray[np.int64]]]) -> bool:
        """Whether keys were only added at the end, and all are shown as they were added."""
        if not members:
            return True
        as_added = not (self.choice.sort_by or self.choice.statuses or self.choice.text)
        of_set = {band.set.set_id: band for band in self._bands}
        return as_added and all(
            of_set[set_id].grid is None and bands.can_grow(of_set[set_id], key_ids)
            for set_id, (_, key_ids) in members.items()
        )

    def _take_in(self, found: Found) -> list[tuple[int, Change]]:
        """Bring the arrays up to date; (band, change) of each row that is not what it was."""
        for band in self._bands:
            if band.set.set_id in found.members:
                band.grow(*found.members[band.set.set_id])
            for row in band.rows:
                if (facts := found.changed.get(row.asset_id)) is not None:
                    band.note_moves(facts.key_ids, facts.status, self.choice.sort_by)
        self._structure = found.structure
        known = {name.lower() for name in self._metrics}
        self._metrics = sorted([*self._metrics, *(m for m in found.metrics if m.lower() not in known)], key=str.lower)
        return [
            (number, change)
            for number, band in enumerate(self._bands)
            for row, one in enumerate(band.rows)
            if one.asset_id in found.changed and (change := bands.apply_facts(band, row, found.changed[one.asset_id]))
        ]

    def _tell(self, changes: Sequence[tuple[int, Change]], grown: Mapping[int, object], *, news: bool) -> None:
        if not (changes or grown or news):
            return
        n = sum(len(change.members) for _, change in changes)
        with self.lock:
            if n > MAX_KEYS and n * _PATCH_DOWN_TO > sum(band.status.size for band in self._bands):
                self._renew()
            else:
                self._publish(self._patch(changes, grown))

    def _is_out_of_place(self, changes: Iterable[tuple[int, Change]]) -> bool:
        """Whether a partition came under the filter or left it. An order is kept until somebody sorts again.

        `unsorted` in the head says how many keys that concerns.
        """
        if not self.choice.statuses:
            return False
        touched = {number for number, _ in changes}
        return any(bands.is_out_of_place(self._catalog, self._bands[number], self.choice) for number in touched)

    def _count_unsorted(self) -> int:
        """How many keys may stand at another place in the order that was chosen."""
        return sum(int(band.unsorted.sum()) for band in self._bands if band.unsorted is not None)

    def _head(self) -> HeadJson:
        choice = self.choice
        return {
            "view": self._number,
            "sequence": self.sequence,
            "bands": [_describe(band) for band in self._bands],
            "metrics": self._metrics,
            "unsorted": self._count_unsorted(),
            "color_by": choice.color_by,
            "sort_by": choice.sort_by,
            "statuses": sorted(choice.statuses),
            "text": choice.text,
            "selection": self._selected_places(),
            "focus": None if self._focus is None else list(self._focus),
        }

    def _patch(self, changes: Sequence[tuple[int, Change]], grown: Mapping[int, object]) -> Patch:
        parts, places, status, steps = [], [], [], []
        for number, change in changes:
            at = self._bands[number].places.find(change.members)
            shown = at >= 0
            parts.append((number, change.row, int(shown.sum())))
            places.append(at[shown].astype("<u4").tobytes())
            status.append(change.status[shown].tobytes())
            steps.append(b"" if change.steps is None else change.steps[shown].tobytes())
        touched = {number for number, _ in changes}
        touched |= {number for number, band in enumerate(self._bands) if band.set.set_id in grown}
        head: CellsPatch = {
            "sequence": self.sequence,
            "metrics": self._metrics,
            "unsorted": self._count_unsorted(),
            "parts": parts,
            "bands": {number: _describe_news(self._bands[number]) for number in sorted(touched)},
        }
        return Patch(head, b"".join(places), b"".join(status), b"".join(steps))


def _describe_news(band: Band) -> BandNewsJson:
    return {"n": len(band.members), "shown": band.places.n, "counts": band.counts.tolist()}


def _describe(band: Band) -> BandJson:
    grid: GridJson | None = None
    if band.layout == "grid" and (g := band.grid):
        grid = {"across": g.across, "down": g.down, "columns": list(g.columns), "rows": list(g.rows)}
    scale: ScaleJson | None = None
    if band.scale is not None:
        scale = {"low": band.scale.low, "high": band.scale.high, "log": band.scale.is_log}
    rows: list[RowJson] = [{"name": row.name} for row in band.rows]
    return {
        **_describe_news(band),
        "set": band.set.name, "layout": band.layout, "rows": rows, "grid": grid, "scale": scale,
    }  # fmt: skip


def _ids_at(band: Band, places: Sequence[int]) -> NDArray[np.int64]:
    import numpy as np

    at = np.asarray(places, np.int64)
    members = at if band.places.members is None else band.places.members[at]
    return band.members.key_ids[members]


def _places_of(band: Band, ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Ranges of members as ranges of places; those that are not shown are left out."""
    import numpy as np

    if band.places.members is None:
        return tuple(ranges)
    places = band.places.find(np.concatenate([np.arange(a, b) for a, b in ranges] or [np.empty(0, np.int64)]))
    return to_ranges(places[places >= 0])


def _members_in(band: Band, ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ranges of places as ranges of members, sorted and apart from each other."""
    import numpy as np

    if band.places.members is not None:
        return to_ranges(np.concatenate([band.places.members[a:b] for a, b in ranges] or [np.empty(0, np.int64)]))
    merged: list[Range] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)
