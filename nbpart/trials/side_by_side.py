"""Executed notebooks beside each other, aligned by cell."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import zip_longest

from nbpart.widgets.actions import ExecutedCell, ExecutedNotebook
from nbpart.widgets.clipping import strip_terminal_codes
from nbpart.widgets.tables import page_html

#: So many notebooks fit beside each other.
MOST_BESIDE = 5
_STYLE = (
    "<style>.nbpart-t.nbpart-t .beside{table-layout:fixed;width:100%}"
    ".nbpart-t.nbpart-t .beside :is(td,th){vertical-align:top;overflow-wrap:anywhere}"
    ".nbpart-t .beside pre{margin:0 0 6px;max-height:420px;overflow:auto;white-space:pre-wrap;font-size:12px}"
    ".nbpart-t .beside pre.source{max-height:120px;opacity:.75}.nbpart-t .beside img{max-width:100%}</style>"
)
Row = tuple[ExecutedCell | None, ...]


class SideBySide:
    """Up to five executed notebooks by their labels; shown, a column each: text and pictures, nothing of it is run."""

    def __init__(self, notebooks: Sequence[tuple[str, ExecutedNotebook]]) -> None:
        self._labels = [label for label, _ in notebooks]
        self._omitted = max(notebook.omitted_cells for _, notebook in notebooks)
        self.rows = align([notebook.cells for _, notebook in notebooks])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(label)}</th>' for label in self._labels)
        rows = "".join(f"<tr>{_show_row(row)}</tr>" for row in self.rows)
        table = f'<table class="beside"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        more = (
            f'<p class="faint">and up to {self._omitted:,} more cells: open the notebooks</p>' if self._omitted else ""
        )
        return page_html(_STYLE + table + more)

    def __repr__(self) -> str:
        return f"<{len(self._labels)} notebooks beside each other: {', '.join(self._labels)}>"


def align(notebooks: Sequence[Sequence[ExecutedCell]]) -> list[Row]:
    """The cells of notebooks in rows, those of one source in one row; None where a notebook has none there."""
    rows: list[Row] = [(cell,) for cell in notebooks[0]] if notebooks else []
    for width, cells in enumerate(notebooks[1:], 1):
        rows = _add(rows, cells, width)
    return rows


def _add(rows: Sequence[Row], cells: Sequence[ExecutedCell], width: int) -> list[Row]:
    """The rows, of so many notebooks, with the cells of one more beside them."""
    known = [next(cell for cell in row if cell is not None).source for row in rows]
    sources = [cell.source for cell in cells]
    return [
        (rows[left] if left is not None else (None,) * width) + (cells[right] if right is not None else None,)
        for left, right in _pair(known, sources)
    ]


def _pair(
    mine: Sequence[str], theirs: Sequence[str], *, is_rough: bool = False
) -> Iterator[tuple[int | None, int | None]]:
    """The places of texts that belong together, in order: equal ones, between them those that begin with one word."""
    a, b = ([(text.split() or [""])[0] if is_rough else text for text in texts] for texts in (mine, theirs))
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for tag, begin, end, first, last in matcher.get_opcodes():
        pairs: Iterable[tuple[int | None, int | None]]
        if tag == "replace" and not is_rough:
            pairs = _pair(mine[begin:end], theirs[first:last], is_rough=True)
        else:
            pairs = zip_longest(range(end - begin), range(last - first))
        for left, right in pairs:
            yield None if left is None else begin + left, None if right is None else first + right


def _show_row(row: Row) -> str:
    sources = {cell.source for cell in row if cell is not None}
    is_shared = len(sources) == 1 and None not in row
    above = ""
    if is_shared:
        above = f'<td colspan="{len(row)}">{_show_source(next(iter(sources)))}</td></tr><tr>'
    return above + "".join(f"<td>{_show_cell(cell, with_source=not is_shared)}</td>" for cell in row)


def _show_cell(cell: ExecutedCell | None, *, with_source: bool) -> str:
    if cell is None:
        return ""
    outputs = "".join(
        f'<img alt="output" src="data:image/png;base64,{base64.b64encode(output).decode()}">'
        if isinstance(output, bytes)
        else f"<pre>{escape(strip_terminal_codes(output))}</pre>"
        for output in cell.outputs
    )
    return (_show_source(cell.source) if with_source else "") + outputs


def _show_source(source: str) -> str:
    return f'<pre class="source">{escape(source)}</pre>' if source.strip() else ""
