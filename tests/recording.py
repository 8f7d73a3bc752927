"""Facts without kernels: runs by hand that are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat

import nbpart
from nbpart.run.context import RunContext


def record(ws: nbpart.Workspace, asset: Any, key: Any = None, value: Any = None, **metrics: Any) -> RunContext:
    """Materialize one partition with a value, or with nothing but metrics."""
    with _sharing_catalog(ws):
        run = nbpart.current_run(asset, partition_key=key, record=True, workspace=ws.root)
        if value is not None:
            run.save(value)
        if metrics or value is None:
            run.log(**metrics)
    return run


@contextmanager
def _sharing_catalog(ws: nbpart.Workspace) -> Iterator[None]:
    """Let runs by hand use what the workspace has open: to open the catalog anew takes longer than all the rest."""
    catalog, coordinator = _Shared(ws.project.catalog), _Shared(ws.project.coordinator)
    with ExitStack() as patches:
        for place in ("manual_run", "manual_run_request"):
            opened = mock.patch(f"nbpart.project.{place}.open_folder", return_value=(ws.root, catalog))
            patches.enter_context(opened)
        patches.enter_context(mock.patch("nbpart.project.manual_run.Coordinator", return_value=coordinator))
        yield


class _Shared:
    """Something that stays open when a user of it is done."""

    def __init__(self, shared: object) -> None:
        self._shared = shared

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared, name)

    def close(self) -> None: ...


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
