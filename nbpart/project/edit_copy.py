"""The working copy of a notebook that is edited: its cells, and before them what a run of one partition is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpart.assets.cells import code_cells, has_tag, source_of
from nbpart.assets.nbformat_import import load_nbformat
from nbpart.backfill.registry import KeyDescription, Node, list_injected
from nbpart.partitions import PartitionRef
from nbpart.run.injected_notebook import spell_injected, spell_value
from nbpart.run.kernels.install import find_prewarmed
from nbpart.run.kernels.specs import NATIVE

#: The ids of the cells that are bound, and so are never saved.
BOUND_IDS = ("nbpart-bound-run", "nbpart-bound-values")
_PYTHON = ("python", "ipython", "python3")


@dataclass(frozen=True)
class Binding:
    """What the working copy of a partition is bound to: what a run of it would be given now."""

    root: Path
    node: Node
    key: str | None
    about: KeyDescription
    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        return PartitionRef(self.node.name, self.key).label

    @property
    def is_python(self) -> bool:
        return self.node.definition.language.lower() in _PYTHON

    def spell_run(self) -> str:
        """The code that makes `nbpart.current_run` stand for a run of the partition, where that run would be."""
        definition = self.node.definition
        lines = [
            f"# What a run of {self.label!r} is given; this cell is never saved.",
            "import os as _os, sys as _sys",
            f"_os.chdir({definition.folder!r})",
        ]
        if definition.import_roots:
            lines.append(f"_sys.path[:0] = {list(definition.import_roots)!r}")
        if definition.late_roots:
            lines.append(f"_sys.path += {list(definition.late_roots)!r}")
        if definition.env:
            lines.append(f"_os.environ.update({dict(definition.env)!r})")
        given = spell_value(dict(self.settings))
        if "_datetime." in given:
            lines.append("import datetime as _datetime")
        lines += [
            "from nbpart.workspace.current import bind_run as _bind_run",
            f"_bind_run({self.node.name!r}, {self.key!r}, workspace={str(self.root)!r}, settings={given})",
        ]
        return "\n".join(lines)

    def spell_values(self) -> str:
        """The code that gives the variables of the parameters cell the values of the partition; "" for none."""
        values = {**list_injected(self.node, self.key, self.about), **self.settings}
        if not self.is_python:
            from papermill.translators import translate_parameters

            text: str = translate_parameters(self.node.definition.kernel, self.node.definition.language, values, "")
            return text
        return spell_injected(values).partition("\n")[2] if values else ""


def bind_cells(cells: Sequence[Mapping[str, Any]], binding: Binding) -> list[dict[str, Any]]:
    """The cells of a notebook with those of the binding: the run first, the values behind the parameters cell."""
    own = [dict(cell) for cell in drop_bound(cells)]
    values = binding.spell_values()
    place = next((n for n, cell in enumerate(own) if has_tag(cell, "parameters")), -1) + 1
    ahead = any(cell.source.strip() for cell in code_cells({"cells": own[: max(place - 1, 0)]}))
    run = binding.spell_run() if binding.is_python else ""
    if not ahead:
        run, values = "", "\n".join(filter(None, [run, values]))
    if values:
        own.insert(place, _make_cell(BOUND_IDS[1], values))
    return [*([_make_cell(BOUND_IDS[0], run)] if run else []), *own]


def drop_bound(cells: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The cells without those of a binding."""
    return [cell for cell in cells if cell.get("id") not in BOUND_IDS and not _is_marked(cell)]


def list_bound(cells: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """Where cells of a binding stand, and their code."""
    return [(n, source_of(cell)) for n, cell in enumerate(cells) if cell.get("id") in BOUND_IDS]


def make_copy(notebook: Mapping[str, Any], binding: Binding) -> Any:
    """The notebook to edit: without outputs, with the cells of the binding, on the pre-warmed kernel where that is."""
    metadata = {name: value for name, value in notebook["metadata"].items() if name not in ("nbpart", "jupytext")}
    kernel = binding.node.definition.kernel or NATIVE
    if kernel == NATIVE and binding.is_python:
        name, shown = find_prewarmed() or (NATIVE, "Python 3")
        metadata["kernelspec"] = {"name": name, "display_name": shown, "language": "python"}
    elif binding.node.definition.kernel_name:
        metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
    cells = [{**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else dict(cell)
             for cell in notebook["cells"]]  # fmt: skip
    made = {"cells": bind_cells(cells, binding), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return load_nbformat().from_dict(made)


def spell_copy(notebook: Mapping[str, Any]) -> bytes:
    """A working copy as the content of a file."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def hash_cells(cells: Sequence[Mapping[str, Any]]) -> str:
    """A hash of what the cells of a copy say but for those of the binding: equal as long as nobody edited them."""
    told = [
        (cell.get("cell_type"), source_of(cell), cell.get("metadata", {}).get("tags")) for cell in drop_bound(cells)
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _make_cell(cell_id: str, source: str) -> dict[str, Any]:
    metadata = {"tags": ["injected-parameters"], "nbpart": {"bound": True}}
    return {"cell_type": "code", "id": cell_id, "metadata": metadata, "source": source, "outputs": [],
            "execution_count": None}  # fmt: skip


def _is_marked(cell: Mapping[str, Any]) -> bool:
    """Whether it is a cell of a binding whose id a front end changed."""
    mark = cell.get("metadata", {}).get("nbpart")
    return isinstance(mark, Mapping) and bool(mark.get("bound"))
