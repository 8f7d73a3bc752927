from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.assets.cells import Shell

Write = Callable[..., None]


@pytest.fixture
def shell() -> Iterator[Shell]:
    main = sys.modules["__main__"]
    yield Shell()
    sys.modules["__main__"] = main
    InteractiveShell.clear_instance()  # a kernel of another test may be of this process too


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def load(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the project anew."""
    monkeypatch.syspath_prepend(str(project))

    def forget() -> None:
        for name, module in list(sys.modules.items()):
            place = getattr(module, "__file__", None) or getattr(module, "__path__", "")
            if str(project) in str(place):
                del sys.modules[name]

    def load_module(name: str) -> ModuleType:
        invalidate_caches()
        forget()
        return import_module(name)

    yield load_module
    forget()


@pytest.fixture
def write(project: Path) -> Write:
    """Writes files of the project: ``write(**{"flights/assets.py": source})``."""

    def write_files(**files: str) -> None:
        for name, text in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    return write_files
