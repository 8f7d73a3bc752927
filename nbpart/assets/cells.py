"""Reading the cells of a notebook as Python, magics included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbpart.assets.names import parse

#: The tag of a cell that is a check.
CHECK = "check"


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell with its source as one text."""

    cell: Mapping[str, Any]
    source: str


def code_cells(notebook: Mapping[str, Any]) -> Iterator[CodeCell]:
    """The code cells of a notebook of format 4, in order."""
    for cell in notebook.get("cells", ()):
        if cell.get("cell_type") == "code":
            yield CodeCell(cell, source_of(cell))


def source_of(cell: Mapping[str, Any]) -> str:
    """The source of a cell as one text; a file may hold it as a list of lines."""
    source = cell.get("source") or ""
    return source if isinstance(source, str) else "".join(source)


def has_tag(cell: Mapping[str, Any], tag: str) -> bool:
    return tag in cell.get("metadata", {}).get("tags", ())


def is_check_cell(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is a check: an error in it fails the check, not the run."""
    return cell.get("cell_type") == "code" and has_tag(cell, CHECK)


def parse_cell(source: str) -> ast.Module | None:
    """The syntax tree of a cell, with its magics as the calls that IPython makes of them; None if it does not parse."""
    try:
        return parse(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

    try:
        return parse(str(TransformerManager().transform_cell(source)))  # type: ignore[no-untyped-call]
    except SyntaxError:
        return None
