from __future__ import annotations

from pathlib import Path

import pytest

from nbpart.assets.modules.local_modules import LocalModule, LocalModules, imported_modules
from nbpart.assets.names import parse
from tests.assets.conftest import Write


def names(modules: object) -> list[str]:
    return [m.name for m in modules]  # type: ignore[attr-defined]


def imported(source: str, package: str, project: Path) -> list[str]:
    return imported_modules(parse(source).body, package, LocalModules([project]))


def test_a_package_hides_a_module_of_its_name(write: Write, project: Path) -> None:
    write(**{"x.py": "here = 1", "x/__init__.py": "there = 1", "y.py": "here = 1", "y/inner.py": "deep = 1"})
    local = LocalModules([project])
    assert local.find("x") == LocalModule("x", project / "x/__init__.py", "there = 1")
    assert local.find("y") == LocalModule("y", project / "y.py", "here = 1")
    assert local.find("y.inner") == LocalModule("y.inner", project / "y/inner.py", "deep = 1")


def test_the_first_folder_wins(write: Write, project: Path) -> None:
    write(**{"one/x.py": "n = 1", "two/x/__init__.py": "n = 2", "two/y.py": "n = 2"})
    local = LocalModules([project / "one", project / "two", project / "missing"])
    assert (local.find("x").source, local.find("y").source) == ("n = 1", "n = 2")  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["json", "pandas", "missing", "x.missing", "", ".", "x.", ".x", "space", "folder"])
def test_what_is_no_file_in_the_folders_is_not_local(write: Write, project: Path, name: str) -> None:
    write(**{"x.py": "", "folder/data.txt": ""})
    assert LocalModules([project]).find(name) is None


@pytest.mark.parametrize("name", ["nbpart", "nbpart.assets", "nbpart.assets.code"])
def test_nbpart_in_a_checkout_is_no_module_of_the_users(write: Write, project: Path, name: str) -> None:
    write(**{"nbpart/__init__.py": "", "nbpart/assets/__init__.py": "", "nbpart/assets/code.py": "import tools"})
    write(**{"tools.py": "import nbpart.assets.code", "nbpart_tools.py": "", "mine/nbpart.py": ""})
    local = LocalModules([project])
    assert local.find(name) is None
    assert names(local.loaded([name, "tools"])) == ["tools"]
    assert local.find("nbpart_tools") is not None
    assert local.find("mine.nbpart") is not None


def test_a_module_is_read_once(write: Write, project: Path) -> None:
    write(**{"x.py": "n = 1"})
    local = LocalModules([project])
    first = local.find("x")
    write(**{"x.py": "n = 2"})
    assert local.find("x") is first
    assert LocalModules([project]).find("x") != first


def test_a_module_knows_the_package_of_its_relative_imports() -> None:
    assert LocalModule("a.b", Path("a/b.py"), "").package == "a"
    assert LocalModule("a.b", Path("a/b/__init__.py"), "").package == "a.b"
    assert LocalModule("a", Path("a.py"), "").package == ""


@pytest.mark.parametrize(
    ("content", "source"),
    [
        ("# ü\nx = 'ü'".encode(), "# ü\nx = 'ü'"),
        ("x = 'ü'\r\ny = 1".encode(), "x = 'ü'\ny = 1"),
        (b"\xef\xbb\xbfx = 1", "x = 1"),
        ("# -*- coding: latin-1 -*-\nx = 'ü'".encode("latin-1"), "# -*- coding: latin-1 -*-\nx = 'ü'"),
        (b"x = '\xfc'", "x = '\\xfc'"),
        (b"# coding: no-such\nx = 1", "# coding: no-such\nx = 1"),
    ],
)
def test_a_module_is_read_in_the_encoding_that_it_declares(project: Path, content: bytes, source: str) -> None:
    (project / "x.py").write_bytes(content)
    found = LocalModules([project]).find("x")
    assert found is not None
    assert found.source == source
    assert found.fingerprint()


@pytest.mark.parametrize("source", ["x = (\n", "x = '\0'\n"])
def test_a_module_that_does_not_parse_is_its_text(write: Write, project: Path, source: str) -> None:
    write(**{"x.py": source, "y.py": "import x"})
    local = LocalModules([project])
    assert local.find("x").fingerprint() == source  # type: ignore[union-attr]
    assert names(local.closure(["y"])) == ["x", "y"]


def test_a_fingerprint_sees_code_alone() -> None:
    one = LocalModule("x", Path("x.py"), '"""Doc."""\nx = 1  # one\n')
    assert one.fingerprint() == LocalModule("y", Path("y.py"), "x=1").fingerprint()
    assert one.fingerprint() != LocalModule("x", Path("x.py"), "x = 2").fingerprint()


CIRCLE = {
    "a.py": "import b",
    "b.py": "def late():\n    from c import x",
    "c.py": "import a, c",
    "alone.py": "",
    "pkg/__init__.py": "import alone",
    "pkg/inner.py": "from . import other",
    "pkg/other.py": "",
}


def test_imports_are_followed_through_circles(write: Write, project: Path) -> None:
    write(**CIRCLE)
    for start in "abc":
        assert names(LocalModules([project]).closure([start])) == ["a", "b", "c"]


def test_a_module_that_is_left_out_is_not_followed(write: Write, project: Path) -> None:
    write(**CIRCLE)
    assert names(LocalModules([project]).closure(["a"], without="b")) == ["a"]
    assert names(LocalModules([project]).closure(["a"], without="a")) == []


def test_loading_a_module_loads_the_packages_above_it(write: Write, project: Path) -> None:
    write(**CIRCLE)
    local = LocalModules([project])
    assert names(local.closure(["pkg.inner"])) == ["pkg.inner", "pkg.other"]
    assert names(local.loaded(["pkg.inner"])) == ["alone", "pkg", "pkg.inner", "pkg.other"]


def test_a_module_that_was_given_as_known_is_not_read(write: Write, project: Path) -> None:
    write(**CIRCLE)
    own = LocalModule("a", project / "elsewhere.py", "import alone")
    assert LocalModules([project]).loaded(["a"], own) == (own, LocalModule("alone", project / "alone.py", ""))


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("import tools, json", "", ["tools"]),
        ("import tools as t", "", ["tools"]),
        ("import pkg.sub.deep", "", ["pkg", "pkg.sub", "pkg.sub.deep"]),
        ("import pkg.sub.deep as d", "", ["pkg.sub.deep"]),
        ("from pkg import sub", "", ["pkg.sub"]),
        ("from pkg import title", "", ["pkg"]),
        ("from pkg import sub, title", "", ["pkg.sub", "pkg"]),
        ("from pkg import *", "", ["pkg"]),
        ("from space import inner", "", ["space.inner"]),
        ("from space import missing", "", []),
        ("import space.inner", "", ["space.inner"]),
        ("from json import dumps", "", []),
        ("from . import sub", "pkg", ["pkg.sub"]),
        ("from .sub import deep", "pkg", ["pkg.sub.deep"]),
        ("from .sub.deep import x", "pkg", ["pkg.sub.deep"]),
        ("from .. import title", "pkg.sub", ["pkg"]),
        ("from ..near import x", "pkg.sub", ["pkg.near"]),
        ("from . import *", "pkg.sub", ["pkg.sub"]),
        ("def f():\n    try:\n        import tools\n    except ImportError:\n        import pkg", "", ["tools", "pkg"]),
        ("import tools\nimport tools\nfrom tools import x", "", ["tools"]),
        ("x = 'import tools'", "", []),
    ],
)
def test_every_form_of_import(write: Write, project: Path, source: str, package: str, expected: list[str]) -> None:
    files = ["tools.py", "pkg/__init__.py", "pkg/near.py", "pkg/sub/__init__.py", "pkg/sub/deep.py", "space/inner.py"]
    write(**dict.fromkeys(files, ""))
    assert imported(source, package, project) == expected
