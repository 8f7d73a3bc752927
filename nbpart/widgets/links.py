"""Links to files of this machine, in pages without a widget."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote


def link_html(path: Path, text: str) -> str:
    """A link to a file of this machine, as JupyterLab opens it: relative to the notebook that displays it."""
    session = os.environ.get("JPY_SESSION_NAME", "")
    folder = os.path.dirname(session)
    start = folder if os.path.isabs(session) and os.path.isdir(folder) else os.getcwd()
    return f'<a href="{escape(quote(os.path.relpath(path, start)))}" target="_blank">{escape(text)}</a>'
