"""What a heatmap sends to its pages: the whole view as JSON and bytes, or a patch of it. Pure, from bands."""

from __future__ import annotations

import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass

from nbpart.widgets.heatmap_axes import list_axes
from nbpart.widgets.heatmap_bands import Band, RowChange
from nbpart.widgets.key_origins import describe_origin
from nbpart.widgets.payloads import (
    BandJson,
    BandSizesJson,
    CellsPatch,
    GridJson,
    HeatmapHeadJson,
    RowJson,
    ScaleJson,
)


@dataclass(frozen=True, slots=True)
class View:
    """All that is shown: `head` is JSON, `cells` a stream of bytes that zlib compressed.

    The stream has for each band in turn: for each row the status code of every place (uint8, whose highest bit says
    that it is late, the next one that its data do not pass a check); for each row the value level of every place
    (uint8, only if colours show values); and the number of places of every cell (little-endian uint32, only if the
    layout is a grid, whose places are in the order of their cells).
    """

    head: HeatmapHeadJson
    cells: bytes


@dataclass(frozen=True, slots=True)
class Patch:
    """What changed since the last view or patch.

    `head["parts"]` are (band, row, n), and the other fields hold the n places of each part, one part after the other:
    `places` (little-endian uint32), their `status` codes and value `levels` (uint8; empty if colours show statuses).
    `head["bands"]` has the new sizes of the bands that changed.
    """

    head: CellsPatch
    places: bytes
    status: bytes
    levels: bytes


def make_cells(bands: Sequence[Band]) -> bytes:
    """The compressed bytes of `View.cells`."""
    parts: list[bytes] = []
    for band in bands:
        parts += [band.places.take(band.encode(row, slice(None))).tobytes() for row in range(len(band.rows))]
        parts += [] if band.levels is None else [band.places.take(row).tobytes() for row in band.levels]
        if band.layout == "grid" and band.grid is not None:
            parts.append(band.grid.count_cells().astype("<u4").tobytes())
    return zlib.compress(b"".join(parts), 1)


def make_patch(
    bands: Sequence[Band],
    changes: Sequence[tuple[int, RowChange]],
    grown_sets: Container[int],
    *,
    sequence: int,
    metrics: list[str],
    unsorted: int,
) -> Patch:
    """Return the patch for some changes, given as (index of the band, change of a row).

    Members that are not shown are left out. ``grown_sets`` are the ids of sets that got keys; the last three arguments
    are fields of the patch's head.
    """
    parts, places, status, levels = [], [], [], []
    for number, change in changes:
        at = bands[number].places.find(change.members)
        shown = at >= 0
        parts.append((number, change.row, int(shown.sum())))
        places.append(at[shown].astype("<u4").tobytes())
        status.append(bands[number].encode(change.row, change.members[shown]).tobytes())
        levels.append(b"" if change.levels is None else change.levels[shown].tobytes())
    touched = {number for number, _ in changes}
    touched |= {number for number, band in enumerate(bands) if band.set.set_id in grown_sets}
    head: CellsPatch = {
        "sequence": sequence,
        "metrics": metrics,
        "unsorted": unsorted,
        "parts": parts,
        "bands": {number: band_sizes_json(bands[number]) for number in sorted(touched)},
    }
    return Patch(head, b"".join(places), b"".join(status), b"".join(levels))


def band_json(band: Band) -> BandJson:
    """A band without its cells."""
    grid: GridJson | None = None
    if band.layout == "grid" and (g := band.grid):
        grid = {"across": g.across, "down": g.down, "columns": list(g.columns), "rows": list(g.rows)}
    scale: ScaleJson | None = None
    if band.scale is not None:
        scale = {"low": band.scale.low, "high": band.scale.high, "is_log": band.scale.is_log}
    rows: list[RowJson] = [{"name": row.name} for row in band.rows]
    return {
        **band_sizes_json(band),
        "set": band.set.name, "layout": band.layout, "rows": rows, "grid": grid, "scale": scale,
        "axes": list(list_axes(band.set.definition)), "origin": describe_origin(band.set.definition),
    }  # fmt: skip


def band_sizes_json(band: Band) -> BandSizesJson:
    """What changes of a band while its rows and its layout stay."""
    return {"n_keys": len(band.members), "shown": band.places.n, "counts": band.counts.tolist(),
            "late": band.count_late(), "unsound": band.count_unsound()}  # fmt: skip
