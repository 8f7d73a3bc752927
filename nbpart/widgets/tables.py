"""A workspace, a plan, a backfill and frames as HTML tables without scripts.

Every text is escaped. Colours are those of JupyterLab's theme where there is one, else for a light background.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from nbpart.states import DISPLAY_ORDER, STEP_ORDER, PartitionStatus
from nbpart.widgets.clipping import clip, strip_terminal_codes
from nbpart.widgets.monitor_model import NOT_BEGUN, MonitorModel
from nbpart.widgets.palette import MARKS, UNSOUND, UNSOUND_WORDS, colour_status_of, mark_of
from nbpart.widgets.trigger_actions import TriggersSummary

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.assets.graph import AssetGraph

#: Of what a look said or raised so much is shown, in characters.
_MAX_SAID = 1_000
#: So many rows of a board are shown.
_MOST_COMPARED = 20
_STYLE = """
.nbpart-t{font-size:13px;color:var(--jp-ui-font-color1,inherit)}
.nbpart-t p{margin:0 0 6px}
.nbpart-t table{border-collapse:collapse;margin:0}
.nbpart-t.nbpart-t table :is(th,td){padding:3px 10px;text-align:left}
.nbpart-t.nbpart-t table :is(th,td){border-bottom:1px solid var(--jp-border-color2,#8884)}
.nbpart-t.nbpart-t table :is(th,td).n{text-align:right;font-variant-numeric:tabular-nums}
.nbpart-t .faint{opacity:.55}
.nbpart-t .mark{display:inline-block;width:1.2em;margin-right:.2em;text-align:center;font-weight:700}
.nbpart-t .bar{display:flex;gap:1px;height:10px;min-width:160px}
.nbpart-t .bar{border-radius:2px;overflow:hidden;outline:1px solid #8886}
"""


def workspace_html(
    root: str, graph: AssetGraph, status: pd.DataFrame, code_checked: str = "", watching: str = ""
) -> str:
    """A workspace as a table with a row per asset and a column per status, from the counts in ``status``.

    ``code_checked`` says when its code was last checked for edits, such as "as seen 10:02", or is ""; ``watching`` says
    how many triggers there are and who watches, or is "".
    """
    if not graph.definitions:
        code = "ws.source(...)\n@ws.asset(partitions=...)\ndef my_asset(...): ..."
        summary = f"<p>No assets yet. Register the first:</p><pre>{escape(code)}</pre>"
        return page_html(f"<p><b>Workspace</b> {escape(root)}</p>{summary}")
    columns = [s for s in DISPLAY_ORDER if not status.empty and str(s) in status]
    rows = []
    for definition in graph.definitions:
        counts = {} if definition.is_source else {s: int(status.at[definition.name, str(s)]) for s in columns}
        cells = "".join(_count_cell(counts.get(s), s) for s in columns)
        partitions = escape(definition.set_name) if definition.is_partitioned else "—"
        rows.append(
            f"<tr><td><b>{escape(definition.name)}</b></td><td>{escape(definition.kind)}</td><td>{partitions}</td>"
            f"{cells}<td>{_bar({str(s): n for s, n in counts.items()}) if counts else ''}</td></tr>"
        )
    head = ["asset", "kind", "partitions", *(f"{MARKS[s].glyph} {s}" for s in columns), ""]
    seen = f' <span class="faint">code {escape(code_checked)}</span>' if code_checked else ""
    table = _table(head, rows, numbers=range(3, 3 + len(columns)))
    watched = f'<p class="faint">{escape(watching)}</p>' if watching else ""
    return page_html(f"<p><b>Workspace</b> {escape(root)}{seen}</p>{table}{watched}")


def triggers_html(shown: TriggersSummary) -> str:
    """The triggers of a workspace, a row each with its last look, and who watches."""
    watching = f"<p>{escape(shown.watching)}</p>" if shown.watching else ""
    if not shown.triggers:
        return page_html(f"{watching}<p>No triggers yet: <code>@ws.sensor</code> declares one.</p>")
    rows = []
    for one in shown.triggers:
        off = "" if one.is_on else ' <span class="faint">off</span>'
        text = escape(strip_terminal_codes(one.error or one.message)[:_MAX_SAID]).replace("\n", "<br>")
        rows.append(
            f"<tr><td><b>{escape(one.name)}</b>{off}</td><td>{escape(one.kind)}</td><td>{_show_look(one.last_look)}</td>"
            f"<td>{_show_look(one.next_look)}</td><td>{escape(one.outcome) or '—'}</td><td>{text}</td></tr>"
        )
    return page_html(watching + _table(["trigger", "kind", "last look", "next look", "outcome", "what it said"], rows))


def _show_look(at: str | None) -> str:
    """The time of a look, as the clock here shows it."""
    return "—" if at is None else f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True)
class PlanRemarks:
    """Sentences about a plan: what will keep some steps from running, what is read, and what waits."""

    notes: Sequence[str] = ()
    reads: Sequence[str] = ()
    waiting: str = ""


def plan_html(
    selection: str, steps: int, counts: Mapping[str, int], head: pd.DataFrame, remarks: PlanRemarks | None = None
) -> str:
    """A plan: its first steps, ``head``, and the number of all by reason, ``counts``, with sentences about it."""
    remarks = remarks or PlanRemarks()
    told = [*remarks.reads, *filter(None, [remarks.waiting])]
    below = "".join(f'<p class="faint">{escape(line)}</p>' for line in told)
    if not steps:
        why = "nothing can be made yet." if remarks.waiting else "nothing to do, everything chosen is up to date."
        return page_html(f"<p><b>Plan</b> {escape(selection)}: {why}</p>{below}")
    summary = ", ".join(f"{n:,} {escape(cause)}" for cause, n in counts.items())
    more = steps - len(head)
    rest = f'<p class="faint">… and {more:,} more: see plan.frame</p>' if more else ""
    title = f"<p><b>Plan</b> {escape(selection)}: {steps:,} step{'s' if steps > 1 else ''} ({summary})</p>"
    warned = "".join(f"<p>{mark_html('failed')}{escape(note)}</p>" for note in remarks.notes)
    return page_html(
        warned
        + title
        + _frame(head)
        + rest
        + below
        + '<p class="faint">Nothing has run; plan.run() runs exactly this.</p>'
    )


def backfill_html(backfill_id: str, selection: str, status: str, counts: Mapping[str, int]) -> str:
    """A backfill with the number of its steps by status."""
    total = sum(counts.values())
    summary = (
        "".join(f"<td class='n'>{n:,}</td><td>{mark_html(name)}{escape(name)}</td>" for name, n in counts.items() if n)
        or '<td class="faint">no steps</td>'
    )
    title = f"<p><b>Backfill</b> {escape(backfill_id)} ({escape(selection)}): {mark_html(status)}{escape(status)}"
    return page_html(f"{title}, {total:,} steps</p>{_bar(counts)}<table><tr>{summary}</tr></table>")


def monitor_html(model: MonitorModel) -> str:
    """The monitor of a backfill: the counts of its steps and its newest failures."""
    counts = {str(status): model.counts[status] for status in STEP_ORDER}
    shown = backfill_html(model.backfill_id, model.selection, model.status, counts)
    if model.is_requested:
        return shown + page_html(f'<p class="faint">{NOT_BEGUN}</p>')
    if model.unsound:
        shown += page_html(f"<p>{UNSOUND.glyph} {model.unsound:,} {UNSOUND_WORDS}</p>")
    if not model.failures:
        return shown
    rows = [
        f"<tr>{_cell(step.asset)}{_cell(step.partition_key)}<td>{mark_html('failed')}{escape(clip(step.error))}</td>"
        f"{_cell(step.notebook)}</tr>"
        for step in model.failures
    ]
    return shown + page_html(_table(["asset", "partition", "error", "executed notebook"], rows))


def board_html(asset: str, frame: pd.DataFrame, best_row: int | None, constant: Mapping[str, Any]) -> str:
    """The partitions of an asset beside each other, as `nbpart.trials.board.Board` has them: the best is starred."""
    if not len(frame):
        return page_html(f"<p><b>{escape(asset)}</b> has no partitions yet.</p>")
    columns = [column for column in frame.columns if column not in ("run_id", "stopped_early")]
    numbers = {
        place
        for place, column in enumerate(columns, 1)
        if frame[column].map(lambda x: isinstance(x, int | float)).all()
    }
    rows = []
    for place, row in enumerate(frame.head(_MOST_COMPARED).to_dict("records")):
        star = '<td title="best" aria-label="best">★</td>' if place == best_row else "<td></td>"
        cells = "".join(
            _number_cell(row[column]) if n in numbers else _cell(row[column]) for n, column in enumerate(columns, 1)
        )
        early = ' <span class="faint">stopped early</span>' if row["stopped_early"] else ""
        rows.append(f"<tr>{star}{cells}<td>{early}</td></tr>")
    same = ", ".join(f"{name}={value}" for name, value in constant.items())
    notes = [f"equal in all: {clip(same)}"] if same else []
    if len(frame) > _MOST_COMPARED:
        notes.append(f"{len(frame) - _MOST_COMPARED:,} more rows: .frame has all")
    below = "".join(f'<p class="faint">{escape(note)}</p>' for note in notes)
    table = _table(["", *map(str, columns), ""], rows, numbers)
    return page_html(f"<p><b>{escape(asset)}</b>, best first</p>{table}{below}")


def _number_cell(value: Any) -> str:
    if value is None or value != value:
        return '<td class="n faint">—</td>'
    return f'<td class="n">{escape(f"{value:.6g}" if isinstance(value, float) else str(value))}</td>'


def frame_html(frame: pd.DataFrame) -> str:
    """A frame as a table; of long texts the beginning."""
    return page_html(_frame(frame) if len(frame) else '<p class="faint">none yet</p>')


def titled_frame_html(title: str, frame: pd.DataFrame) -> str:
    """A line of text, and below it a frame as a table, where that has rows."""
    return page_html(f"<p>{escape(title)}</p>{_frame(frame) if len(frame) else ''}")


def page_html(body: str) -> str:
    """Wrap HTML in an element with the style of these tables."""
    return f'<div class="nbpart-t"><style>{_STYLE}{_status_style()}</style>{body}</div>'


def _status_style() -> str:
    light = "".join(f".nbpart-t .s-{s}{{--c:{m.light}}}" for s, m in MARKS.items())
    dark = "".join(f"[data-jp-theme-light=false] .nbpart-t .s-{s}{{--c:{m.dark}}}" for s, m in MARKS.items())
    return f"{light}{dark}.nbpart-t .bar i{{background:var(--c)}}.nbpart-t .mark{{color:var(--c)}}" + (
        f".nbpart-t .mark.s-{PartitionStatus.MISSING}{{color:inherit;opacity:.6}}"
    )


def _frame(frame: pd.DataFrame) -> str:
    rows = ["<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in frame.itertuples(index=False)]
    return _table([str(column) for column in frame.columns], rows)


def _table(head: Sequence[str], rows: Sequence[str], numbers: Container[int] = ()) -> str:
    """A table of rows that are HTML; ``numbers`` are the indices of columns to align right."""
    titles = "".join(
        f"<th{' class=n' if place in numbers else ''}>{escape(title)}</th>" for place, title in enumerate(head)
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return '<td class="faint">—</td>'
    text = str(value)
    return f"<td>{mark_html(text)}{escape(clip(text))}</td>"


def _count_cell(n: int | None, status: PartitionStatus) -> str:
    if not n:
        return f'<td class="n faint">{"" if n is None else 0}</td>'
    return f'<td class="n">{mark_html(str(status))}{n:,}</td>'


def mark_html(status: str) -> str:
    """The glyph of a status in its colour; "" for a text that is no status."""
    mark = mark_of(status)
    return f'<span class="mark s-{colour_status_of(status)}" aria-hidden="true">{mark.glyph}</span>' if mark else ""


def _bar(counts: Mapping[str, int]) -> str:
    parts = "".join(
        f'<i class="s-{colour_status_of(status)}" style="flex:{n} 0 4px"></i>' for status, n in counts.items() if n
    )
    summary = ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "none"
    return f'<div class="bar" role="img" aria-label="{escape(summary)}">{parts}</div>'
