"""Specs and notebooks for the tests of runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus

PACKAGE_ROOT = str(Path(__file__).parents[2])
CONTEXT = "from nbpart.run.members import run_from_environment\nrun = run_from_environment()\n"
SpecMaker = Callable[..., RunSpec]


def write_notebook(path: Path, cells: list[Any], kernel: str = "python3") -> None:
    v4 = nbformat.v4
    nodes = [v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    about = {"kernelspec": {"name": kernel, "language": "python", "display_name": kernel}}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(metadata=about, cells=nodes), path)


def make_spec(folder: Path, run_id: str, /, *cells: Any, **values: Any) -> RunSpec:
    """A spec of a notebook with these cells; every file of the run lies under `folder`."""
    notebook = folder / "code" / f"{run_id}.ipynb"
    write_notebook(notebook, list(cells))
    work = folder / "work"
    for each in (work, folder / "data", folder / "runs"):
        each.mkdir(exist_ok=True)
    stem = f"{run_id}-1"
    given: dict[str, Any] = {
        "run_id": run_id,
        "attempt": 1,
        "asset": "model",
        "partition_key": "k",
        "notebook": f"code/{run_id}.ipynb",
        "folder": "work",
        "workspace": str(folder),
        "output_notebook": f"runs/{stem}.ipynb",
        "log": f"runs/{stem}.log",
        "data_prefix": f"data/{stem}",
        "report": f"runs/{stem}.json",
    }
    return RunSpec(**(given | values))


def make_report(spec: RunSpec, status: RunStatus, **given: Any) -> RunReport:
    """The report of an attempt that began and ended now."""
    now = datetime.now(UTC)
    own = {"run_no": spec.run_no, "run_id": spec.run_id, "partition_key": spec.partition_key, "attempt": spec.attempt}
    return RunReport(**own, status=status, started_at=now, finished_at=now, **given)


def cell_states(spec: RunSpec) -> list[tuple[str, list[str]]]:
    """Of each cell of the executed notebook its status and the errors that it shows."""
    notebook = nbformat.read(spec.locate(spec.output_notebook), as_version=4)
    return [
        (
            cell.metadata.papermill.status,
            [output.ename for output in cell.get("outputs", []) if output.output_type == "error"],
        )
        for cell in notebook.cells
    ]


def processes_of(run_id: str) -> list[str]:
    """The processes that carry this run's mark in their environment."""
    mark = f"NBPART_RUN_MARK={run_id}@".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                variables = Path("/proc", entry, "environ").read_bytes().split(b"\0")
                if any(variable.startswith(mark) for variable in variables):
                    found.append(entry)
            except OSError:  # it ended meanwhile, or is not ours
                continue
    return found


def wait_for(condition: Callable[[], object], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _kernels_find_nbpart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", PACKAGE_ROOT)
