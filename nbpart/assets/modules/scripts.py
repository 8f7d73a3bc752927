"""The names under which scripts are kept that code executes and does not import."""

from __future__ import annotations

_PREFIX = "%run "


def name_script(written: str) -> str:
    """The name of a script, as ``%run`` spells it; no module can have it."""
    return f"{_PREFIX}{written}"


def is_script(name: str) -> bool:
    """Whether a name among those of local modules is that of a script."""
    return name.startswith(_PREFIX)
