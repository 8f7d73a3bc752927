"""The JavaScript and CSS of the widgets as text. ``make bundle`` writes the JavaScript from ``frontend/src``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from nbpart.widgets.palette import colour_rules


@cache
def load_esm(widget: str) -> str:
    """Return the JavaScript module of a widget, by the name of its file in ``static/``."""
    return _read(f"{widget}.js")


@cache
def load_css(*names: str) -> str:
    """Return a style sheet: the colours of the palette, ``nbpart.css``, and then the named files of ``static/``."""
    return "\n".join([colour_rules(".nbpart"), *(_read(name) for name in ("nbpart.css", *names))])


def _read(name: str) -> str:
    return (files("nbpart.widgets") / "static" / name).read_text(encoding="utf-8")
