"""Modules outside of the project: by sys.path, PYTHONPATH, an editable install, %run, import_module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbpart
from tests.recording import record, write_notebook


def reasons(ws: nbpart.Workspace) -> dict[str, str]:
    frame = ws.plan().frame
    return dict(zip(frame.asset, frame.reason, strict=True))


CELLS: dict[str, tuple[str, str]] = {
    "sys.path": ("lib/far.py", "import sys\nsys.path.insert(0, '../lib')\nimport far"),
    "below a magic": ("lib/far.py", "%%time\nimport sys\nsys.path.insert(0, '../lib')\nimport far"),
    "sys.path in another cell": (
        "lib/far.py",
        "import sys, os\nsys.path.append(os.path.abspath('../lib'))\nimport far",
    ),
    "a module that grows the path": ("lib/far.py", "import grows\nimport far"),
    "a package beside": ("pkg/near.py", "import sys\nsys.path.insert(0, '..')\nfrom pkg import first"),
    "a package beside, relative": ("pkg/sub/deep.py", "import sys\nsys.path.insert(0, '..')\nfrom pkg.first import x"),
    "PYTHONPATH": ("paths/over_env.py", "import over_env"),
    "import_module": ("notebooks/by_call.py", "import importlib\nm = importlib.import_module('by_call')"),
    "__import__": ("notebooks/by_call.py", "m = __import__('by_call')"),
    "%run": ("notebooks/script.py", "%run script.py"),
    "%run elsewhere": ("lib/script.py", "%run -i ../lib/script"),
    "what a script imports": ("lib/far.py", "%run ../lib/script.py"),
    "a notebook in a notebook": ("lib/far.py", "%run ../lib/cells.ipynb"),
    "a script of IPython": ("lib/far.py", "%run ../lib/magic.ipy"),
    "a script in a script": ("lib/far.py", "x = 1\n%run outer.py"),
    "%load_ext": ("notebooks/by_call.py", "%load_ext by_call"),
    "runpy": ("notebooks/script.py", "import runpy\nrunpy.run_path('script.py')"),
}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "lib/far.py": "x = 1\n",
        "lib/script.py": "import far\ny = far.x\n",
        "notebooks/grows.py": "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), '../lib'))\n",
        "notebooks/by_call.py": "x = 1\n",
        "notebooks/script.py": "y = 1\n",
        "notebooks/outer.py": "import runpy\nrunpy.run_path('../lib/script.py')\n",
        "lib/magic.ipy": "%time import far\n",
        "paths/over_env.py": "x = 1\n",
        "pkg/__init__.py": "",
        "pkg/first.py": "from . import near\nfrom .sub.deep import x\n",
        "pkg/near.py": "x = 1\n",
        "pkg/sub/__init__.py": "",
        "pkg/sub/deep.py": "x = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    write_notebook(tmp_path / "lib" / "cells.ipynb", "%%time\nimport far", "z = far.x")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "paths"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.parametrize("case", CELLS)
def test_an_edited_module_outside_the_project_makes_a_notebook_stale(
    ws: nbpart.Workspace, layout: Path, case: str
) -> None:
    edited, source = CELLS[case]
    write_notebook(layout / "notebooks" / "train.ipynb", *([source] if source.startswith("%%") else source.split("\n")))
    ws.notebook(layout / "notebooks" / "train.ipynb")
    record(ws, "train", None, {"n": 1})
    assert reasons(ws) == {}
    path = layout / edited
    path.write_text(path.read_text() + "# a comment\n")
    assert reasons(ws) == {}
    path.write_text(path.read_text() + "changed = 1\n")
    assert reasons(ws) == {"train": "code changed"}
    path.write_text(path.read_text().replace("changed = 1\n", ""))
    assert reasons(ws) == {}, "a plan, with what is kept of where modules are, sees the same"


def test_code_of_a_notebook_run_by_percent_run_counts_and_outputs_do_not(ws: nbpart.Workspace, layout: Path) -> None:
    write_notebook(layout / "notebooks" / "train.ipynb", "%run ../lib/cells.ipynb")
    ws.notebook(layout / "notebooks" / "train.ipynb")
    record(ws, "train", None, {"n": 1})
    write_notebook(layout / "lib" / "cells.ipynb", "%%time\nimport far", "z = far.x  # said")
    assert reasons(ws) == {}
    write_notebook(layout / "lib" / "cells.ipynb", "%%time\nimport far", "z = far.x + 1")
    assert reasons(ws) == {"train": "code changed"}


def _import_statement() -> Any:
    import far  # type: ignore[import-not-found]

    return {"n": far.x}


def _import_module() -> Any:
    import importlib

    return {"n": importlib.import_module("far").x}


@pytest.mark.parametrize("function", [_import_statement, _import_module])
@pytest.mark.parametrize("place", [0, 10_000])
def test_a_function_of_a_cell_runs_with_the_path_of_its_kernel(
    ws: nbpart.Workspace, layout: Path, function: Callable[[], Any], place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.path.insert(place, str(layout / "lib"))
    monkeypatch.setattr(function, "__module__", "__main__")
    ws.asset(function, name="carried")
    definition = ws.assets["carried"]
    roots = definition.import_roots if place == 0 else definition.late_roots
    assert str(layout / "lib") in roots
    record(ws, "carried", None, {"n": 1})
    (layout / "lib" / "far.py").write_text("x = 2\n")
    assert reasons(ws) == {"carried": "code changed"}


def test_installed_modules_are_not_local(ws: nbpart.Workspace, layout: Path) -> None:
    write_notebook(layout / "notebooks" / "train.ipynb", "import json, pandas, duckdb.experimental, pytest")
    ws.notebook(layout / "notebooks" / "train.ipynb")
    assert ws.assets["train"].modules == {}


@pytest.mark.kernel
def test_runs_use_the_modules_and_scripts_of_the_plan(
    ws: nbpart.Workspace, layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(expression: str) -> str:
        return f'import nbpart\nnbpart.current_run("train").save({{"n": {expression}}})'

    path = layout / "notebooks" / "train.ipynb"
    write_notebook(
        path, "%run ../lib/script.py", "%run ../lib/cells.ipynb", "import over_env", save("[y, z, over_env.x]")
    )
    ws.notebook(path)
    sys.path.insert(0, str(layout / "lib"))
    monkeypatch.setattr(_import_module, "__module__", "__main__")
    ws.asset(_import_module, name="carried")
    planned = ws.plan()
    (layout / "lib" / "script.py").write_text("y = 2\n")
    (layout / "lib" / "far.py").write_text("x = 3\n")
    write_notebook(layout / "lib" / "cells.ipynb", "import far\nz = far.x + 1")
    planned.run().wait(progress=False).raise_for_failures()
    assert ws.load("train") == {"n": [1, 1, 1]}
    assert ws.load("carried") == {"n": 1}
    assert reasons(ws) == {"train": "code changed", "carried": "code changed"}
    ws.backfill().wait(progress=False).raise_for_failures()
    assert ws.load("train") == {"n": [2, 4, 1]}
    assert ws.load("carried") == {"n": 3}
