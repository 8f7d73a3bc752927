"""Notebooks that do what notebooks do seldom: a module for each theme, each a list NOTEBOOKS."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.odd_notebooks import (
    asynchronous,
    displays,
    endings,
    errors,
    libraries,
    magics,
    processes,
    state,
    streams,
    tampering,
    widgets,
)
from conformance.odd_notebooks.notebook import OddNotebook

_THEMES = (
    streams,
    displays,
    errors,
    asynchronous,
    processes,
    magics,
    libraries,
    widgets,
    endings,
    state,
    tampering,
)
NOTEBOOKS: tuple[OddNotebook, ...] = tuple(each for theme in _THEMES for each in theme.NOTEBOOKS)
#: What they import beside what nbpart needs.
REQUIREMENTS = (
    "ipykernel==7.4.0",
    "ipywidgets",
    "joblib",
    "matplotlib",
    "nest_asyncio",
    "pandas",
    "plotly",
    "rich",
    "tqdm",
)


def find_notebooks(names: Sequence[str] = ()) -> list[OddNotebook]:
    """Those of these names, or all. Raises LookupError for a name that none has."""
    known = {odd.name: odd for odd in NOTEBOOKS}
    assert len(known) == len(NOTEBOOKS), "two odd notebooks have one name"
    missing = [name for name in names if name not in known]
    if missing:
        raise LookupError(f"no odd notebook is named {', '.join(missing)}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names or known)]
