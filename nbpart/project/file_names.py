"""Assets that are named after their notebook's file: two files must not share a name, and a changed name is logged."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbpart.assets.asset import Asset
from nbpart.assets.notebook_patterns import is_pair
from nbpart.backfill.registry import Registry
from nbpart.errors import DeclarationError

log = logging.getLogger("nbpart")


def check_file_names(items: Sequence[Any], registry: Registry) -> None:
    """Raise `DeclarationError` where two notebooks would have one name that was derived from their file names.

    A registered notebook whose file no longer exists was moved or deleted, and is replaced; so is one that is the same
    notebook in another form, as text.
    """
    seen: dict[str, Path] = {}
    for item in items:
        if not isinstance(item, Asset) or item.notebook is None:
            continue
        registered = None if item.is_named else _registered_file(registry, item.name)
        others = [seen.get(item.name), None if registered and is_pair(registered, item.notebook) else registered]
        for other in others:
            if other is not None and other.is_file() and not _is_same(other, item.notebook):
                raise DeclarationError(
                    f"{other} and {item.notebook} would both be the asset {item.name!r}: give one of them another "
                    "name by name=..."
                )
        seen[item.name] = item.notebook


def log_generated_names(items: Sequence[Any], registry: Registry) -> None:
    """Log a line for each new notebook whose asset name had to differ from its file name."""
    for item in items:
        if not isinstance(item, Asset) or item.notebook is None or item.is_named or item.name in registry.nodes:
            continue
        if item.name != item.notebook.stem.replace("-", "_").replace(" ", "_"):
            log.info("the notebook %s is the asset %r; name=... gives it another name.", item.notebook.name, item.name)


def _registered_file(registry: Registry, name: str) -> Path | None:
    node = registry.nodes.get(name)
    path = node.definition.path if node is not None and node.definition.kind == "notebook" else None
    return None if path is None else Path(path)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return one == other
