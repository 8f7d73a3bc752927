"""The cells of a notebook that are checks: those that are tagged ``check``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbpart.assets.cells import code_cells, has_tag, is_check_cell, parse_cell, source_of
from nbpart.assets.check_definition import CheckDefinition
from nbpart.assets.names import fingerprint
from nbpart.errors import DeclarationError
from nbpart.partitions.names import make_name

#: The tags that say more of such a cell.
BLOCKING, WARN = "blocking", "warn"


@dataclass(frozen=True)
class CheckCell:
    """A cell that is a check: its place among all cells, and what is registered of it."""

    place: int
    definition: CheckDefinition


def list_check_cells(notebook: Mapping[str, Any]) -> Iterator[CheckCell]:
    """The checks of a notebook, in the order of their cells.

    One is called as the comment says that its cell begins with, or by its number. Raises `DeclarationError` where two
    have one name.
    """
    seen: dict[str, int] = {}
    for place, cell in enumerate(notebook.get("cells", ())):
        if not is_check_cell(cell):
            continue
        name = _name(source_of(cell), len(seen) + 1)
        if name.lower() in seen:
            raise DeclarationError(
                f"the check {name!r} is in two cells, {seen[name.lower()]} and {place + 1}: give one another comment "
                "in its first line."
            )
        seen[name.lower()] = place + 1
        severity: Any = "warn" if has_tag(cell, WARN) else "error"
        yield CheckCell(place, CheckDefinition(name, "cell", _version(cell), has_tag(cell, BLOCKING), severity))


def _name(source: str, number: int) -> str:
    first = source.strip().partition("\n")[0].strip()
    text = first.lstrip("#").strip() if first.startswith("#") else ""
    return make_name(text[:80], "check") if text else f"check_{number}"


def _version(cell: Mapping[str, Any]) -> str:
    """The version of a cell's code: comments and layout do not count."""
    [one] = code_cells({"cells": [cell]})
    tree = parse_cell(one.source)
    parts = [one.source.strip()] if tree is None else [fingerprint(statement) for statement in tree.body]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
