"""The picture of a widget that a page without a kernel shows.

A widget's own output cannot hold it: a saved notebook that is opened again shows "model not found" in its place. So it
is an output of its own beside the widget, which the live widget hides by a style rule on the class below.
"""

from __future__ import annotations


def static_bundle(html: str, token: str) -> dict[str, str]:
    """The output that stands beside the widget with that token (hex digits)."""
    return {"text/html": f'<div class="nbpart-static nbpart-static-{token}">{html}</div>', "text/plain": ""}
