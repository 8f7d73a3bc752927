"""How an open edit displays: a link that opens it in JupyterLab, and what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from nbpart.widgets.links import link_html
from nbpart.widgets.tables import page_html


def edit_html(label: str, path: Path, file: Path | None, inputs: Mapping[str, int]) -> str:
    """The page of an edit of the partition ``label``; ``file`` is what it is saved to, None for a function."""
    given = ", ".join(f"{name} ({count:,})" if count != 1 else name for name, count in inputs.items())
    reads = f", with {escape(given)}" if given else ""
    save = (
        f"<code>.save()</code> writes its cells to {escape(str(file))}"
        if file is not None
        else "<code>.save()</code> says where the source of its function is"
    )
    return page_html(
        f"<p><b>{escape(label)}</b>: {link_html(path, 'open its notebook')}{reads}; one cell of it gives what a run "
        f"gets.</p><p>{save}; <code>.discard()</code> gives it up. Nothing that it saves or logs is recorded.</p>"
        f'<p class="faint">{escape(str(path))}</p>'
    )
