"""How a run displays: what came of it, its error, and a link to its executed notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from nbpart.widgets.clipping import clip
from nbpart.widgets.links import link_html
from nbpart.widgets.tables import mark_html, page_html

_TRACEBACK_LINES = 12


def run_html(label: str, status: str, facts: Mapping[str, str], notebook: Path | None, traceback: str) -> str:
    """The page of a run; facts without a text are left out."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(clip(text))}</td></tr>" for name, text in facts.items() if text
    )
    link = f"<p>{link_html(notebook, 'executed notebook')}</p>" if notebook is not None and notebook.exists() else ""
    last = "\n".join(traceback.rstrip().splitlines()[-_TRACEBACK_LINES:])
    shown = f"<pre>{escape(last)}</pre>" if last else ""
    title = f"<p><b>{escape(label)}</b>: {mark_html(status)}{escape(status)}</p>"
    return page_html(f"{title}<table>{rows}</table>{link}{shown}")
