from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from nbpart.assets.code import CodeVersion, version_of_function, version_of_notebook
from nbpart.assets.names import parse
from nbpart.errors import DeclarationError
from tests.assets.cells import Shell
from tests.assets.conftest import Write

OWN = '''import math
from dataclasses import dataclass
from types import SimpleNamespace

import tools
from pkg.sub.deep import sink

LIMIT = 3
TABLE = {"a": 1}
TABLE["b"] = 2
PAIR = [0, 0]
PAIR[0], other = 1, 2
UNUSED = 5
math.tau2 = 6
ws = SimpleNamespace(asset=lambda **options: lambda g: g)


def loud(g):
    return g


@dataclass
class Row:
    """A row."""

    size: int = 1


def inner(x):
    return x + LIMIT


def helper(x, row=Row):
    """Docstring of the helper."""
    return inner(x), PAIR


def neighbour(x):
    import unrelated

    return x * UNUSED


@loud
def f(x: float, y: int = 2) -> list:
    """What f does."""
    # a comment
    from late import at_last

    return [helper(x), y, TABLE["a"], tools.twice(x), sink(x), math.pi, at_last]


if __name__ == "__main__":
    f(UNUSED)
'''

FILES = {
    "own.py": OWN,
    "tools.py": "import own\nfrom below import ground\n\ndef twice(x):\n    return 2 * ground(x)\n",
    "below.py": "def ground(x):\n    return x\n",
    "late.py": "at_last = 1\n",
    "unrelated.py": "x = 1\n",
    "pkg/__init__.py": "title = 1\n",
    "pkg/sub/__init__.py": "",
    "pkg/sub/deep.py": "from ..near import rim\nfrom . import beside\n\ndef sink(x):\n    return rim + beside.b\n",
    "pkg/sub/beside.py": "b = 1\n",
    "pkg/near.py": "rim = 1\n",
    "pkg/unread.py": "never = 1\n",
}

Versions = Callable[..., CodeVersion]


@pytest.fixture
def version(
    write: Write, load: Callable[[str], ModuleType], project: Path, monkeypatch: pytest.MonkeyPatch
) -> Versions:
    """The version of ``f`` in the module ``own`` of a project with these files."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def version_of_project(files: Mapping[str, str]) -> CodeVersion:
        write(**files)
        return version_of_function(load("own").f, [project])

    return version_of_project


def edited(file: str, old: str, new: str) -> dict[str, str]:
    assert FILES[file].count(old) == 1, "an edit that finds nothing tests nothing"
    return {**FILES, file: FILES[file].replace(old, new)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("own.py", "    # a comment\n", "    # another\n\n\n"),
        ("own.py", "[helper(x), y,", "[\n        helper( x ),\n        y,"),
        ("own.py", '"""What f does."""', "'''It is told\n    otherwise.'''"),
        ("own.py", '    """Docstring of the helper."""\n', ""),
        ("own.py", '    """A row."""\n', '    """One."""\n'),
        ("own.py", 'TABLE["a"]', "TABLE['a']"),
        ("own.py", "@loud\ndef f", "@ws.asset(partitions=UNUSED)\n@loud\ndef f"),
        ("own.py", "x * UNUSED", "x / UNUSED"),
        ("own.py", "UNUSED = 5", "UNUSED = 6"),
        ("own.py", "    f(UNUSED)", "    f(9)"),
        ("own.py", "math.tau2 = 6", "math.tau2 = 7"),
        ("own.py", "def neighbour(x):", "def added():\n    return f\n\n\ndef neighbour(x, y=1):"),
        ("tools.py", "import own\n", "import own  # in a circle\n"),
        ("tools.py", "def twice(x):\n", 'def twice(x):\n    """Double."""\n'),
        ("unrelated.py", "x = 1", "x = 2"),
        ("pkg/unread.py", "never = 1", "never = 2"),
        ("pkg/__init__.py", "title = 1", "title = 2"),
    ],
)
def test_what_a_function_does_not_compute_with_does_not_count(version: Versions, file: str, old: str, new: str) -> None:
    assert version(edited(file, old, new)).version == version(FILES).version


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("own.py", 'TABLE["a"]', 'TABLE["b"]'),
        ("own.py", "y: int = 2", "y: int = 3"),
        ("own.py", "x: float", "x: int"),
        ("own.py", "@loud\n", ""),
        ("own.py", "    return g\n", "    return g or g\n"),
        ("own.py", "return inner(x)", "return -inner(x)"),
        ("own.py", "return x + LIMIT", "return x - LIMIT"),
        ("own.py", "LIMIT = 3", "LIMIT = 3.0"),
        ("own.py", "LIMIT = 3", "LIMIT = 3\nLIMIT += 1"),
        ("own.py", '{"a": 1}', '{"a": True}'),
        ("own.py", 'TABLE["b"] = 2', 'TABLE["b"] = 3'),
        ("own.py", 'TABLE["b"] = 2', "TABLE.clear()"),
        ("own.py", "PAIR[0], other = 1, 2", "PAIR[0], other = 3, 2"),
        ("own.py", "size: int = 1", "size: int = 2"),
        ("own.py", "@dataclass\n", ""),
        ("own.py", "import math\n", "import cmath as math\n"),
        ("tools.py", "2 * ground(x)", "3 * ground(x)"),
        ("below.py", "return x", "return -x"),
        ("late.py", "at_last = 1", "at_last = 2"),
        ("pkg/sub/deep.py", "rim + beside.b", "rim - beside.b"),
        ("pkg/sub/beside.py", "b = 1", "b = 2"),
        ("pkg/near.py", "rim = 1", "rim = 2"),
    ],
)
def test_what_a_function_computes_with_counts(version: Versions, file: str, old: str, new: str) -> None:
    assert version(edited(file, old, new)).version != version(FILES).version


def test_a_version_is_16_hex_digits_and_always_the_same(version: Versions) -> None:
    first = version(FILES)
    assert len(first.version) == 16
    assert int(first.version, 16) >= 0
    assert version(FILES) == first


def test_all_modules_that_a_run_may_import_are_kept(version: Versions, project: Path) -> None:
    modules = {m.name: m for m in version(FILES).modules}
    assert list(modules) == sorted(
        ["below", "late", "own", "pkg", "pkg.near", "pkg.sub", "pkg.sub.beside", "pkg.sub.deep", "tools", "unrelated"]
    )
    assert modules["own"].source == OWN
    assert modules["pkg.sub"].path == project / "pkg/sub/__init__.py"


def test_a_package_counts_where_something_is_taken_from_it(version: Versions) -> None:
    own = "from pkg import title\ndef f():\n    return title\n"
    before = version({**FILES, "own.py": own})
    assert version({**FILES, "own.py": own, "pkg/__init__.py": "title = 2\n"}).version != before.version


@pytest.mark.parametrize("annotation", ["", ": math.nan"])
def test_what_may_come_from_a_star_counts(version: Versions, annotation: str) -> None:
    own = f"import math\nfrom tools import *\ndef f(x{annotation}):\n    return twice(x)\n"
    before = version({**FILES, "own.py": own})
    assert version({**edited("tools.py", "2 *", "3 *"), "own.py": own}).version != before.version


def test_a_star_that_nothing_can_come_from_does_not_count(version: Versions) -> None:
    own = "from tools import *\nK = 1\ndef f(x):\n    return x + K\n"
    before = version({**FILES, "own.py": own})
    assert version({**edited("tools.py", "2 *", "3 *"), "own.py": own}).version == before.version


def test_declaring_a_function_by_a_decorator_or_by_a_call_is_one_version(version: Versions) -> None:
    plain = "def f(x):\n    return x\n"
    bare = version({"own.py": plain})
    decorated = "class nbpart:\n    asset = staticmethod(lambda g: g)\n\n@nbpart.asset\n" + plain
    assert version({"own.py": decorated}).version == bare.version


def test_a_module_that_does_not_parse_counts_as_text(version: Versions) -> None:
    own = "def f():\n    import broken\n"
    one = version({"own.py": own, "broken.py": "x = (\n"})
    assert [m.name for m in one.modules] == ["broken", "own"]
    assert version({"own.py": own, "broken.py": "x = [\n"}).version != one.version


def test_installed_packages_do_not_count(version: Versions) -> None:
    own = "import json\nimport pandas\nimport nbpart\ndef f():\n    return json, pandas, nbpart\n"
    assert [m.name for m in version({"own.py": own}).modules] == ["own"]


def test_a_folder_of_installed_packages_is_not_the_users(write: Write) -> None:
    installed = Path(pytest.__file__).parent.parent
    assert version_of_notebook(notebook("import pytest"), installed).modules == ()


def test_a_local_module_hides_an_installed_one(version: Versions) -> None:
    own = "def f():\n    import colorsys\n    return colorsys\n"
    without = version({"own.py": own})
    assert [m.name for m in without.modules] == ["own"]
    assert version({"own.py": own, "colorsys.py": "mine = 1\n"}).version != without.version


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ("def g():\n    return 1\n", "cannot be found, or has changed"),
        ("def f(:\n", "cannot be found, or has changed"),
        ("if __name__ == '__main__':\n    def f(): return 1\n", "'f' is no longer in own.py; restart the kernel"),
    ],
)
def test_a_function_that_has_left_its_file_is_refused(
    write: Write, load: Callable[[str], ModuleType], project: Path, now: str, message: str
) -> None:
    write(**{"own.py": "def f():\n    return 1\n"})
    function = load("own").f
    write(**{"own.py": now})
    with pytest.raises(DeclarationError, match=message):
        version_of_function(function, [project])


@pytest.mark.parametrize("wrong", [len, lambda: 1, int])
def test_only_a_plain_function_has_a_version(wrong: Any) -> None:
    with pytest.raises(DeclarationError):
        version_of_function(wrong, [])


# Functions of cells ---------------------------------------------------------------------------------------------------

CELL = "import tools\nLIMIT = 3\ndef helper(x):\n    return x + LIMIT\n"
CELL_F = "def f(x, y=2):\n    return helper(x) + y + tools.twice(x)\n"


@pytest.fixture
def cell_version(write: Write, load: Callable[[str], ModuleType], project: Path) -> Callable[..., str]:
    """The version of a function ``f`` of these cells."""

    def version_of_cells(*cells: str, tools: str = "def twice(x):\n    return 2 * x\n") -> str:
        write(**{"tools.py": tools})
        load("tools")
        shell = Shell()
        for cell in cells:
            shell.run(cell)
        return version_of_function(shell["f"], [project]).version

    main = sys.modules["__main__"]
    yield version_of_cells
    sys.modules["__main__"] = main
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "cells",
    [
        (CELL + CELL_F,),
        ("# first", CELL, "other = 1\ndef neighbour(): return other", CELL_F),
        (CELL.replace("x + LIMIT", "x+LIMIT  # why"), CELL_F.replace("return", '"""Doc."""\n\n    return')),
        (CELL, "def f(): return 'older'", CELL_F),
    ],
)
def test_what_a_cell_function_does_not_compute_with_does_not_count(
    cell_version: Callable[..., str], cells: tuple[str, ...]
) -> None:
    assert cell_version(*cells) == cell_version(CELL, CELL_F)


def test_what_a_cell_function_computes_with_counts(cell_version: Callable[..., str]) -> None:
    versions = [
        cell_version(CELL, CELL_F),
        cell_version(CELL, CELL_F.replace("y=2", "y=3")),
        cell_version(CELL, CELL_F.replace("+ y", "- y")),
        cell_version(CELL.replace("x + LIMIT", "x - LIMIT"), CELL_F),
        cell_version(CELL.replace("LIMIT = 3", "LIMIT = 4"), CELL_F),
        cell_version(CELL, CELL_F, tools="def twice(x):\n    return 4 * x\n"),
    ]
    assert len(set(versions)) == len(versions)


# Notebooks ------------------------------------------------------------------------------------------------------------


def cell(source: Any, kind: str = "code", **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def notebook(*cells: Any) -> dict[str, Any]:
    made = [c if isinstance(c, dict) else cell(c) for c in cells]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def notebook_version(*cells: Any, folder: Path = Path("/nowhere"), language: str = "python") -> str:
    return version_of_notebook(notebook(*cells), folder, language).version


LOAD, TRAIN = "import os\nx = 1", "y = x + 1"


@pytest.mark.parametrize(
    "cells",
    [
        [cell(["import os\n", "x = 1"]), TRAIN],
        [cell(LOAD, id="a1", outputs=[{"output_type": "stream", "text": "1"}], execution_count=7), TRAIN],
        [cell(LOAD, metadata={"tags": ["parameters"], "collapsed": True}), TRAIN],
        [cell("# Title", "markdown"), LOAD, cell("raw", "raw"), TRAIN],
        ["# why\nimport   os\n\n\nx = 1  # one", "", "# only a comment", "y = (x +\n     1)"],
        ["import os", "x = 1", TRAIN],
        [f"{LOAD}\n{TRAIN}"],
        [LOAD, cell("x = 2", metadata={"tags": ["injected-parameters"]}), TRAIN],
    ],
)
def test_what_a_notebook_does_not_compute_with_does_not_count(cells: list[Any]) -> None:
    assert notebook_version(*cells) == notebook_version(LOAD, TRAIN)


@pytest.mark.parametrize(
    "cells", [[TRAIN, LOAD], [LOAD], [LOAD, TRAIN, TRAIN], [LOAD, "y = x + 2"], [LOAD, "y = x +"], []]
)
def test_the_code_of_a_notebook_counts(cells: list[Any]) -> None:
    assert notebook_version(*cells) != notebook_version(LOAD, TRAIN)


STATEMENTS = st.sampled_from(["x = 1", "x += 2", "def g(a):\n    return a", "print('a # b')", "for i in x:\n    pass"])
NOTHING = st.sampled_from(["", "\n", "# note", "  # aside", "\n\n# 'quote'"])


@given(st.lists(st.tuples(STATEMENTS, NOTHING, st.booleans()), min_size=1, max_size=8))
def test_cells_may_be_split_and_commented_anywhere(written: list[tuple[str, str, bool]]) -> None:
    cells: list[str] = [""]
    for statement, nothing, ends_cell in written:
        cells[-1] += f"{nothing}\n{statement}\n{nothing}\n"
        cells += [""] if ends_cell else []
    assert notebook_version(*cells) == notebook_version("\n".join(statement for statement, _, _ in written))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("%matplotlib inline\nx  =  1", "%matplotlib inline\n\n# why\nx = 1"),
        ("files = !ls\nf( files )", "files = !ls\nf(files)"),
        ("%%bash\nls", "%%bash\nls\n"),
    ],
)
def test_cells_with_magics_are_read_as_code(one: str, other: str) -> None:
    assert notebook_version(one) == notebook_version(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("%time f(1)", "%time f(2)"), ("!ls a", "!ls b"), ("%%bash\nls a", "%%bash\nls b"), ("x = (", "x = [")],
)
def test_magics_and_what_does_not_parse_count(one: str, other: str) -> None:
    assert notebook_version(one) != notebook_version(other)


@pytest.mark.parametrize("language", ["R", "julia", "scala"])
def test_cells_of_another_language_count_as_text(language: str) -> None:
    version = notebook_version("x <- c(1)\ny <- x", language=language)
    assert version == notebook_version("x <- c(1)  \n\ny <- x\n\n", "", language=language)
    assert version == notebook_version("x <- c(1)", "y <- x", language=language)
    assert version != notebook_version("x <- c(2)\ny <- x", language=language)
    assert version != notebook_version("x <- c(1)\ny <- x  # said", language=language)
    assert version != notebook_version("x <- c(1)\n  y <- x", language=language)


@pytest.mark.parametrize("language", ["python", "Python", "ipython", "python3"])
def test_python_has_several_names(language: str) -> None:
    assert notebook_version("x = 1  # one", language=language) == notebook_version("x = 1")


@pytest.mark.parametrize("start", ["", "%matplotlib inline\n"])
def test_the_modules_beside_a_notebook_count(write: Write, project: Path, start: str) -> None:
    write(**{"tools.py": "from below import x\n", "below.py": "x = 1\n", "unread.py": "x = 1\n"})
    made = version_of_notebook(notebook(f"{start}import tools"), project)
    assert [m.name for m in made.modules] == ["below", "tools"]
    write(**{"unread.py": "x = 2\n", "below.py": "x = 1  # one\n"})
    assert version_of_notebook(notebook(f"{start}import tools"), project).version == made.version
    write(**{"below.py": "x = 2\n"})
    assert version_of_notebook(notebook(f"{start}import tools"), project).version != made.version


def test_a_notebook_of_another_language_has_no_modules(write: Write, project: Path) -> None:
    write(**{"tools.py": "x = 1\n"})
    assert version_of_notebook(notebook("import tools"), project, "R").modules == ()


@given(st.text())
def test_any_text_in_a_cell_has_a_version(source: str) -> None:
    assert notebook_version(source) == notebook_version(source)


@pytest.mark.parametrize("file", sorted(Path(version_of_function.__code__.co_filename).parent.glob("*.py")), ids=str)
def test_code_printed_anew_is_the_same_code(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert notebook_version(source) == notebook_version(ast.unparse(parse(source)))
