"""Facts without kernels: runs by hand that are recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

import nbpart
from nbpart.run.context import RunContext


def record(ws: nbpart.Workspace, asset: Any, key: Any = None, value: Any = None, **metrics: Any) -> RunContext:
    """Materialize one partition with a value, or with nothing but metrics."""
    run = nbpart.current_run(asset, partition_key=key, record=True, workspace=ws.root)
    if value is not None:
        run.save(value)
    if metrics or value is None:
        run.log(**metrics)
    return run


def write_notebook(path: Path, *cells: str, parameters: str | None = None) -> Path:
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    if parameters is not None:
        made.insert(0, nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


def snapshots(ws: nbpart.Workspace) -> set[str]:
    """The files in code/."""
    folder = ws.root / "code"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
