"""The static HTML of a widget, which a page without a kernel shows.

It cannot be part of the widget's own output: a saved notebook that is opened again shows "model not found" in that
place. So it is a second output, which the live widget hides by a style rule on the class below.
"""

from __future__ import annotations


def static_mime_bundle(html: str, static_id: str) -> dict[str, str]:
    """Return the static output as a MIME bundle; ``static_id`` (hex digits) is that of the widget."""
    return {"text/html": f'<div class="nbpart-static nbpart-static-{static_id}">{html}</div>', "text/plain": ""}
