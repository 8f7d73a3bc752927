"""A heatmap as HTML and SVG without scripts, for a page that has no kernel. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from nbpart.states import COLUMN_ORDER, DISPLAY_ORDER, STATUS_CODES, PartitionStatus
from nbpart.widgets.heatmap_bands import Band
from nbpart.widgets.heatmap_grid_svg import MAX_CELLS, draw_grid
from nbpart.widgets.key_origins import describe_origin
from nbpart.widgets.palette import LATE, MARKS, UNSOUND, UNSOUND_WORDS, colour_rules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COLUMNS, _HEIGHT = 120, 20
_MAX_ROWS = 50
#: In a row with failures these are also drawn into a lane above the rest, so that their shape shows them too.
_FAILURE_LANE = 6
#: Ticks of what is late are so high, at the bottom.
_LATE_LANE = 4
_STYLE = (
    ".nbpart-heat-static{font-size:13px;color:var(--jp-ui-font-color1,inherit)}"
    ".nbpart-heat-static p{margin:8px 0 4px}.nbpart-heat-static .faint{opacity:.65}"
    ".nbpart-heat-static table{border-collapse:collapse;width:100%;margin:0;table-layout:fixed;font-size:13px}"
    # named twice, since JupyterLab aligns cells by two classes
    ".nbpart-heat-static.nbpart-heat-static td{text-align:left}"
    ".nbpart-heat-static table td{padding:2px 8px 2px 0;overflow:hidden;white-space:nowrap;text-overflow:ellipsis}"
    ".nbpart-heat-static table td:first-child{width:20%}"
    ".nbpart-heat-static table td:last-child{width:30%;white-space:normal;padding-left:8px}"
    ".nbpart-heat-static table td[colspan]{padding-left:0}"
    ".nbpart-heat-static svg{display:block;width:100%;height:20px;outline:1px solid #8886}"
    ".nbpart-heat-static svg.grid{height:auto;outline:none}"
    ".nbpart-heat-static .grid text{font-size:10px;fill:currentColor}"
    ".nbpart-heat-static .grid .end{text-anchor:end}.nbpart-heat-static .grid .mark{text-anchor:middle}"
)


def heatmap_html(bands: Sequence[Band]) -> str:
    """All bands as a table: of each row the proportions of its statuses along its partitions, and its counts."""
    colours = "".join(f".nbpart-heat-static .s-{s}{{fill:var(--nbpart-{s})}}" for s in PartitionStatus)
    colours += ".nbpart-heat-static .s-late{fill:var(--nbpart-late)}"
    style = f"<style>{colour_rules('.nbpart-heat-static')}{_STYLE}{colours}</style>"
    marks = [f"{MARKS[s].glyph} {s}" for s in DISPLAY_ORDER]
    if any(any(band.count_late()) for band in bands):
        marks.append(f"{LATE.glyph} late")
    if any(any(band.count_unsound()) for band in bands):
        marks.append(f"{UNSOUND.glyph} {UNSOUND_WORDS}")
    legend = f'<p class="faint">{" · ".join(marks)}</p>'
    body = legend + "".join(_band_html(band) for band in bands) if bands else "<p>No assets yet.</p>"
    return f'<div class="nbpart-heat-static">{style}{body}</div>'


def _band_html(band: Band) -> str:
    n, shown = len(band.members), band.places.n
    number = f"{n:,}" if shown == n else f"{shown:,} of {n:,}"
    title = f"<b>{escape(band.set.name)}</b> {number} partitions" if band.set.set_id else "<b>without partitions</b>"
    if band.set.set_id and not n:
        title += f'<br><span class="faint">{escape(describe_origin(band.set.definition))}</span>'
    rows = [
        _row_html(band, place, *((codes, counts) if shown == n else _take_shown(band, codes)))
        for place, (codes, counts) in enumerate(zip(band.status[:_MAX_ROWS], band.counts, strict=False))
    ]
    more = len(band.rows) - len(rows)
    rest = f'<p class="faint">… and {more:,} more assets</p>' if more > 0 else ""
    return f"<p>{title}</p><table>{''.join(rows)}</table>{rest}"


def _take_shown(band: Band, codes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The statuses of the partitions that are shown, and how many have each."""
    import numpy as np

    taken = band.places.take(codes)
    return taken, np.bincount(taken, minlength=len(STATUS_CODES))


def _row_html(band: Band, place: int, codes: NDArray[np.uint8], counts: NDArray[np.int64]) -> str:
    grid, label, brief = band.grid, _describe_counts(counts), _describe_counts(counts, brief=True)
    name, late = band.rows[place].name, None if band.late is None else band.places.take(band.late[place])
    if late is not None and late.any():
        n = int(late.sum())
        label, brief = f"{label}, {n:,} late", f"{brief} {LATE.glyph}\N{NO-BREAK SPACE}{n:,}"
    if band.unsound is not None and (n := int(band.places.take(band.unsound[place]).sum())):
        label = f"{label}, {n:,} {UNSOUND_WORDS}"
        brief = f"{brief} {UNSOUND.glyph}\N{NO-BREAK SPACE}{n:,}"
    if grid is None or band.layout != "grid" or len(grid.columns) * len(grid.rows) > MAX_CELLS:
        return f"<tr><td>{escape(name)}</td><td>{_svg(codes, label, late)}</td><td>{brief}</td></tr>"
    drawn = draw_grid(grid, codes, label)
    return f'<tr><td>{escape(name)}</td><td colspan="2">{brief}</td></tr><tr><td colspan="3">{drawn}</td></tr>'


def _describe_counts(counts: NDArray[np.int64], *, brief: bool = False) -> str:
    found = [(s, int(counts[STATUS_CODES[s]])) for s in DISPLAY_ORDER]
    # a glyph and its number stay on one line
    parts = [
        f"{MARKS[s].glyph}\N{NO-BREAK SPACE}{n:,}" if brief else f"{MARKS[s].glyph} {n:,} {s}" for s, n in found if n
    ]
    return (" " if brief else ", ").join(parts) or "no partitions yet"


def _svg(codes: NDArray[np.uint8], label: str, late: NDArray[np.bool_] | None) -> str:
    n = len(codes)
    columns = min(n, _COLUMNS)
    paths: dict[PartitionStatus, str] = dict.fromkeys(COLUMN_ORDER, "")
    before: dict[PartitionStatus, tuple[int, int]] = {}
    since = 0
    lane = _FAILURE_LANE if (codes == STATUS_CODES[PartitionStatus.FAILED]).any() else 0
    for x in range(columns + 1):
        parts = _stack(codes[x * n // columns : (x + 1) * n // columns], lane) if x < columns else {}
        if parts == before and x < columns:
            continue
        for status, (top, height) in before.items():
            paths[status] += f"M{since} {top}h{x - since}v{height}h{since - x}z"
        before, since = parts, x
    drawn = "".join(f'<path class="s-{s}" d="{path}"/>' for s, path in paths.items() if path)
    if late is not None:
        drawn += _late_ticks(late, columns)
    box = f"0 0 {max(1, columns)} {_HEIGHT}"
    return f'<svg viewBox="{box}" preserveAspectRatio="none" role="img" aria-label="{label}">{drawn}</svg>'


def _late_ticks(late: NDArray[np.bool_], columns: int) -> str:
    """A tick at the bottom of each column in which a partition is late, over the statuses."""
    n, top = len(late), _HEIGHT - _LATE_LANE
    places = [x for x in range(columns) if late[x * n // columns : (x + 1) * n // columns].any()]
    path = "".join(f"M{x} {top}h1v{_LATE_LANE}h-1z" for x in places)
    return f'<path class="s-late" d="{path}"/>' if path else ""


def _stack(codes: NDArray[np.uint8], lane: int) -> dict[PartitionStatus, tuple[int, int]]:
    """(top, height) in pixels of each status that occurs, in proportion; only failures extend into the lane above."""
    import numpy as np

    counts = {s: int(np.count_nonzero(codes == STATUS_CODES[s])) for s in COLUMN_ORDER}
    heights = {s: max(1, round((_HEIGHT - lane) * n / len(codes))) for s, n in counts.items() if n}
    largest = max(heights, key=lambda s: heights[s])
    heights[largest] += _HEIGHT - lane - sum(heights.values())
    parts, top = {}, lane
    for status, height in heights.items():
        parts[status] = (0, lane + height) if status is PartitionStatus.FAILED else (top, height)
        top += height
    return parts
