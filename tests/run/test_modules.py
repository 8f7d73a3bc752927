from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbpart.run.modules import SnapshotFinder, install


@pytest.fixture(autouse=True)
def _imports_as_they_were() -> Iterator[None]:
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_snapshot_is_imported_before_the_file_and_leaves_it_alone(tmp_path: Path) -> None:
    package = tmp_path / "live" / "nbp_pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("VALUE = 'live'")
    (package / "other.py").write_text("VALUE = 'other live'")
    snapshot = tmp_path / "snap.py"
    snapshot.write_text("VALUE = 'snapshot'\ndef fail():\n    raise ValueError('x')\n")
    empty = tmp_path / "empty.py"
    empty.write_text("")
    modules = {
        "nbp_pkg": (str(empty), str(package / "__init__.py")),
        "nbp_pkg.deep": (str(snapshot), str(package / "deep.py")),
    }
    install([], modules)
    deep = importlib.import_module("nbp_pkg.deep")
    assert deep.VALUE == "snapshot"
    assert deep.__file__ == str(package / "deep.py")
    assert importlib.import_module("nbp_pkg.other").VALUE == "other live"
    assert not list(tmp_path.rglob("deep*.pyc"))
    with pytest.raises(ValueError, match="x") as caught:
        deep.fail()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].filename == str(package / "deep.py")


def test_a_snapshot_is_read_as_it_was_kept_whatever_encoding_its_file_declares(tmp_path: Path) -> None:
    original = tmp_path / "nbp_latin.py"
    text = "# coding: latin-1\nVALUE = 'ü'\n"
    original.write_bytes(text.encode("latin-1"))
    snapshot = tmp_path / "snap.py"
    snapshot.write_bytes(text.encode("utf-8"))
    install([], {"nbp_latin": (str(snapshot), str(original))})
    assert importlib.import_module("nbp_latin").VALUE == "ü"


def test_installing_twice_has_no_further_effect(tmp_path: Path) -> None:
    for _ in range(2):
        install([str(tmp_path), "/nbp/second"], {"x": ("/a", "/b")})
    assert sys.path[:2] == [str(tmp_path), "/nbp/second"]
    assert sys.path.count(str(tmp_path)) == 1
    assert sum(isinstance(finder, SnapshotFinder) for finder in sys.meta_path) == 1


def test_other_modules_are_left_alone() -> None:
    assert SnapshotFinder({"a": ("/x", "/y")}).find_spec("b") is None
