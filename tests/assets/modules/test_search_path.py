"""Where modules that are somebody's own are found, beside the code that imports them."""

from __future__ import annotations

import json
import sys
import sysconfig
import types
from pathlib import Path

import pytest

from nbpart.assets.modules.search_path import SearchPath, is_installed, path_of_notebooks, path_of_process


def test_folders_before_those_of_python_are_early_and_those_after_them_late(tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    stdlib, installed = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
    entries = [str(tmp_path / "before"), str(tmp_path / "gone"), stdlib, installed, str(tmp_path / "after")]
    found = path_of_process(entries)
    assert found.early == ((tmp_path / "before").resolve(),)
    assert found.late[0] == (tmp_path / "after").resolve()


def test_notebooks_are_given_pythonpath(tmp_path: Path) -> None:
    assert tmp_path.resolve() in path_of_notebooks({"PYTHONPATH": f"{tmp_path}:{sysconfig.get_path('purelib')}"}).early
    assert path_of_notebooks({}).early == ()


def test_folders_of_python_and_of_installed_packages_are_not_the_users(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "lib" / "site-packages" / "x").mkdir(parents=True)
    assert is_installed(Path(json.__file__).parent)
    assert is_installed(Path(pytest.__file__).parent)
    assert is_installed(tmp_path / ".venv" / "lib" / "site-packages" / "x")
    assert not is_installed(tmp_path)


def test_a_package_that_setuptools_maps_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src" / "mapped").mkdir(parents=True)
    made = types.ModuleType("__editable___mapped_finder")
    made.MAPPING = {"mapped": str(tmp_path / "src" / "mapped")}  # type: ignore[attr-defined]
    finder = type("_EditableFinder", (), {"__module__": made.__name__, "find_spec": classmethod(lambda *_: None)})
    monkeypatch.setitem(sys.modules, made.__name__, made)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    assert (tmp_path / "src").resolve() in path_of_notebooks({}).late
    assert (tmp_path / "src").resolve() in path_of_process([]).late


def test_a_late_folder_hides_nothing_that_is_installed() -> None:
    assert SearchPath().hides("random")
    assert SearchPath().hides("pytest")
    assert not SearchPath().hides("no_such_module")
