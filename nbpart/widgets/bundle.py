"""The browser's side of a widget as text: plain modules without a build step, put together when they are loaded."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from nbpart.catalog import STATUS_CODES
from nbpart.states import DISPLAY_ORDER
from nbpart.widgets.palette import LIKE, MARKS, colour_rules
from nbpart.widgets.schema import VERSION


@cache
def load_esm(*names: str) -> str:
    """One module: the constants of Python, ``common.js``, then the named files of ``static/`` in that order.

    Only the last exports; each file's top-level names must be its own.
    """
    return "\n".join([_constants(), *(_read(name) for name in ("common.js", *names))])


@cache
def load_css(*names: str) -> str:
    """The colours of the palette, ``nbpart.css``, then the named files of ``static/``."""
    return "\n".join([colour_rules(".nbpart"), *(_read(name) for name in ("nbpart.css", *names))])


def _constants() -> str:
    shared = {
        "version": VERSION,
        # in the order of their codes
        "statuses": [{"name": str(s), "glyph": MARKS[s].glyph} for s in STATUS_CODES],
        "display": [STATUS_CODES[s] for s in DISPLAY_ORDER],
        "steps": {str(s): {"like": str(as_partition), "glyph": glyph} for s, (as_partition, glyph) in LIKE.items()},
    }
    return f"const NBPART = {json.dumps(shared, ensure_ascii=False)};"


def _read(name: str) -> str:
    return (files("nbpart.widgets") / "static" / name).read_text(encoding="utf-8")
