"""The modules of a project that a test writes, imported here and in the processes that it starts."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).parents[1]


def import_written(folder: Path, name: str, source: str, patch: pytest.MonkeyPatch) -> ModuleType:
    """Write a module into a folder and import it from there, in the place of one of that name."""
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    if str(folder) not in sys.path:
        patch.syspath_prepend(str(folder))
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def show_to_processes(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let processes that are started from now on find nbpart and the modules of a folder."""
    paths = [str(_ROOT), str(folder), os.environ.get("PYTHONPATH")]
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
