"""Names for scripts, which code runs and does not import, among those of modules: ``%run prepare.py``."""

from __future__ import annotations

_PREFIX = "%run "


def name_script(written: str) -> str:
    """The name of a script that code runs as ``written``; it has a space, so no module has it."""
    return f"{_PREFIX}{written}"


def is_script(name: str) -> bool:
    """Whether this is the name of a script and not of a module."""
    return name.startswith(_PREFIX)
