from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbpart.assets.sources import find_function, import_root, is_importable, module_file, plain_function, read_source
from nbpart.errors import DeclarationError
from tests.assets.cells import Shell, run_source
from tests.assets.conftest import Write

Load = Callable[[str], ModuleType]

MODULE = """import functools

def f(): return 1

@functools.cache
def cached(): return 1

class C:
    def m(self): return 1

def make():
    def inner(): return 1
    return inner

g = lambda: 1
bound = C().m
"""


@pytest.mark.parametrize(("file", "name"), [("a.py", "a"), ("p/__init__.py", "p"), ("p/a.py", "p.a")])
def test_a_function_of_a_module_can_be_imported_from_its_root(
    write: Write, load: Load, project: Path, file: str, name: str
) -> None:
    write(**{file: MODULE})
    module = load(name)
    assert is_importable(module.f)
    assert is_importable(module.cached)
    assert (module_file(module.f), import_root(module.f)) == (project / file, project)


def test_packages_within_packages_have_the_root_of_the_outermost(write: Write, load: Load, project: Path) -> None:
    write(**{"p/__init__.py": "", "p/q/__init__.py": MODULE, "p/q/a.py": MODULE})
    assert import_root(load("p.q").f) == project
    assert import_root(load("p.q.a").f) == project


def test_what_a_module_does_not_name_cannot_be_imported(write: Write, load: Load) -> None:
    write(**{"a.py": MODULE})
    module = load("a")
    for function in (module.make(), module.g, len, run_source("def f(): pass")["f"]):
        assert not is_importable(function)
    write(**{"a.py": MODULE.replace("def f", "def other")})
    assert not is_importable(module.f)
    write(**{"a.py": "def f(:"})
    assert not is_importable(module.f)


def test_a_module_whose_file_is_gone_cannot_be_imported(write: Write, load: Load, project: Path) -> None:
    write(**{"a.py": MODULE})
    module = load("a")
    (project / "a.py").unlink()
    assert not is_importable(module.f)
    with pytest.raises(DeclarationError, match="file of module 'a' cannot be found"):
        module_file(module.f)


def test_a_function_of_a_cell_cannot_be_imported(shell: Shell) -> None:
    assert not is_importable(shell.run("def f(): pass")["f"])


def test_a_function_under_wrappers_is_found(write: Write, load: Load) -> None:
    write(**{"a.py": MODULE})
    module = load("a")
    assert plain_function(module.cached) is module.cached.__wrapped__
    assert find_function(plain_function(module.cached)).node.name == "cached"


@pytest.mark.parametrize(
    ("name", "message"), [("bound", "is a method"), ("g", "lambda has no name"), ("C", "is of type")]
)
def test_what_no_def_made_has_no_source(write: Write, load: Load, name: str, message: str) -> None:
    write(**{"a.py": MODULE})
    with pytest.raises(DeclarationError, match=message):
        plain_function(getattr(load("a"), name))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = '\xff'", "missing encoding declaration"),
        (b"# coding: no-such\n", "unknown encoding"),
        (b"# coding: ascii\n\n\nx = '\xff'", "a.py is not in the encoding that it declares"),
    ],
)
def test_a_file_in_another_encoding_than_it_declares_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(SyntaxError, match=message):
        read_source(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("@asset\n@keep\ndef f():\n    return 1", "@keep\ndef f():\n    return 1"),
        ("@asset(\n    name='x',\n)\ndef f(): return 1", "def f(): return 1"),
        (
            "if True:\n    @asset\n    @keep\n    def f():\n        # why\n        return 1",
            "@keep\ndef f():\n    # why\n    return 1",
        ),
        ("if True:\n    @asset\n    def f():\n        return '''a\n    b'''", "def f():\n    return 'a\\n    b'"),
    ],
)
def test_a_definition_is_moved_to_the_margin_without_its_declaration(shell: Shell, written: str, bare: str) -> None:
    shell.run(f"def asset(*a, **k): return a[0] if a else lambda g: g\nkeep = asset\n{written}")
    found: Any = find_function(shell["f"])
    assert found.without(found.node.decorator_list[:1]) == bare
