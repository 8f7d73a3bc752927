"""The browser's side of a widget as text: the bundles that ``make bundle`` writes of the sources in ``frontend/``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from nbpart.widgets.palette import colour_rules


@cache
def load_esm(widget: str) -> str:
    """The module of a widget, named as its bundle in ``static/``."""
    return _read(f"{widget}.js")


@cache
def load_css(*names: str) -> str:
    """The colours of the palette, ``nbpart.css``, then the named files of ``static/``."""
    return "\n".join([colour_rules(".nbpart"), *(_read(name) for name in ("nbpart.css", *names))])


def _read(name: str) -> str:
    return (files("nbpart.widgets") / "static" / name).read_text(encoding="utf-8")
