"""The explorer's panel as HTML without scripts, for a page that has no kernel. Every text is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from nbpart.widgets.clipping import clip, strip_terminal_codes
from nbpart.widgets.counts import describe_counts
from nbpart.widgets.explorer_model import PanelModel
from nbpart.widgets.palette import describe_check
from nbpart.widgets.tables import mark_html, page_html
from nbpart.widgets.values import to_exact_json

_MAX_ERROR = 4_000


def panel_html(model: PanelModel) -> str:
    """What is selected, with its facts and its error."""
    selection, partition, run = model.selection, model.partition, model.run
    title = f"<p><b>{escape(selection.title)}</b>"
    if partition is None:
        return page_html(f"{title}: {escape(describe_counts(selection.counts) or 'no partitions')}</p>")
    key = "" if partition.partition_key is None else f" · {escape(partition.partition_key)}"
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(model))
    error = strip_terminal_codes(run.traceback or run.error or "")[-_MAX_ERROR:] if run else ""
    error_block = f"<pre>{escape(error)}</pre>" if error else ""
    status = f"{mark_html(partition.status)}{escape(partition.status)}"
    return page_html(f"{title}{key}: {status}</p><table><tbody>{rows}</tbody></table>{error_block}")


def _facts(model: PanelModel) -> Iterator[tuple[str, str]]:
    partition, run = model.partition, model.run
    if partition is None:
        return
    yield "why", strip_terminal_codes("".join(text for text, _ in partition.why))
    if partition.blocked:
        yield "blocked", strip_terminal_codes(partition.blocked)
    for name, *said in () if model.opened_run_id else partition.checks:
        yield f"check {name}", clip(strip_terminal_codes(describe_check(*said)))
    yield from ((name, str(value)) for name, value in partition.params.items())
    made = (run.materialization if run and model.opened_run_id else None) or partition.materialization
    if made is not None:
        yield "materialization", made.materialized_at
        yield from (
            (name, f"{value:,}") for name, value in (("rows", made.rows), ("bytes", made.bytes)) if value is not None
        )
        yield from ((name, clip(str(to_exact_json(value)))) for name, value in made.metrics.items())
    if run is not None:
        yield "run", f"{run.run_id} ({run.status})"
        if run.notebook:
            yield "executed notebook", run.notebook
