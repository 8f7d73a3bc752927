"""What code imports by other ways than a statement, and where it says that modules are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from nbpart.assets.cells import parse_cell
from nbpart.assets.modules.imports import imports_of, inserted_paths, scripts_of


def body(source: str) -> list[ast.stmt]:
    tree = parse_cell(source)
    assert tree is not None
    return tree.body


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("import importlib\nx = importlib.import_module('tools')", "import tools as _"),
        (
            "from importlib import import_module as load, import_module\nimport_module('pkg.deep')",
            "import pkg.deep as _",
        ),
        ("__import__('tools')", "import tools as _"),
        ("import runpy\nrunpy.run_module('tools')", "import tools as _"),
        ("import_module('.near', 'pkg.sub')", "import pkg.sub.near as _"),
        ("import_module('..near', package='pkg.sub')", "import pkg.near as _"),
        ("import_module('.near', __package__)", "from . import near"),
        ("import_module('..a.near', __name__)", "from ..a import near"),
        ("%load_ext my_magics", "import my_magics as _"),
        ("%run -m tools --flag", "import tools as _"),
        ("def f():\n    return import_module('late')", "import late as _"),
        ("%%time\nimport tools", "import tools"),
        ("%%capture --no-stderr out\n%%time\n%load_ext tools", "import tools as _"),
        ("%time import tools", "import tools"),
    ],
)
def test_an_import_by_a_call_with_a_literal(source: str, imported: str) -> None:
    found = [ast.unparse(node) for statement in body(source) for node in imports_of(statement)]
    assert imported in found


@pytest.mark.parametrize(
    "source",
    [
        "import_module(name)",
        "__import__()",
        "import_module('..')",
        "%run x.py",
        "%time x",
        "%%bash\nimport x",
        "%%writefile f.py\nimport x",
    ],
)
def test_calls_that_import_no_name_known_beforehand_are_left_out(source: str) -> None:
    assert [node for statement in body(source) for node in imports_of(statement)] == []


@pytest.mark.parametrize(
    ("source", "scripts"),
    [
        ("%run prepare.py", ["prepare.py"]),
        ("%run prepare", ["prepare.py"]),
        ("%run -i ../lib/prepare.py --fast 3", ["../lib/prepare.py"]),
        ("x = 1\n%run 'with space.py'\n%run other.ipynb", ["with space.py", "other.ipynb"]),
        ("if True:\n    %run prepare.py", ["prepare.py"]),
        ("import runpy\nrunpy.run_path('prepare.py')", ["prepare.py"]),
        ("%%time\n%run prepare.py", ["prepare.py"]),
        ("%run -m tools", []),
        ("%run $name", []),
        ("%run {name}.py", []),
        ("runpy.run_path(name)", []),
    ],
)
def test_scripts_that_are_executed(source: str, scripts: list[str]) -> None:
    assert scripts_of(body(source)) == scripts


@pytest.mark.parametrize(
    "line",
    [
        'sys.path.insert(0, "../lib")',
        "sys.path.append('../lib')",
        "sys.path.extend(['../lib', name])",
        "sys.path += ['../lib']",
        "sys.path[:0] = ['../lib']",
        "sys.path = ['../lib'] + sys.path",
        "site.addsitedir('../lib')",
        "sys.path.insert(0, os.path.abspath('../lib'))",
        "sys.path.insert(0, os.path.join(os.path.abspath('..'), 'lib'))",
        "sys.path.insert(0, os.path.join(os.pardir, 'lib'))",
        "sys.path.insert(1, str(Path('..').resolve() / 'lib'))",
        "sys.path.insert(1, str(Path.cwd().parent / 'lib'))",
        "sys.path.insert(0, os.path.join(os.path.dirname(os.getcwd()), 'lib'))",
        "root = Path('..')\nsys.path.insert(0, str(root / 'lib'))",
        "root = os.path.abspath('..')\nlib = f'{root}/lib'\nif lib not in sys.path:\n    sys.path.insert(0, lib)",
        "sys.path.insert(0, str(pathlib.Path('../x').resolve().parents[0] / 'lib'))",
        "sys.path.insert(0, os.path.expanduser(os.path.dirname('../lib/x')))",
    ],
)
def test_folders_that_code_puts_on_the_path_are_found_without_running_it(line: str, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    assert inserted_paths(body(line), folder) == [tmp_path / "lib"]


def test_a_module_names_folders_beside_its_file(tmp_path: Path) -> None:
    source = "sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'vendor'))\nHERE = Path(__file__).parent"
    source += "\nsys.path.append(str(HERE / 'more'))"
    assert inserted_paths(body(source), tmp_path, tmp_path / "pkg" / "a.py") == [
        tmp_path / "pkg" / "vendor",
        tmp_path / "pkg" / "more",
    ]
    assert inserted_paths(body(source), tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        "sys.path.insert(0, name)",
        "sys.path.append(find())",
        "others.append('x')",
        "sys.path.insert()",
        "sys.path.append(3)",
    ],
)
def test_folders_that_only_running_the_code_would_show_are_left_out(line: str, tmp_path: Path) -> None:
    assert inserted_paths(body(line), tmp_path) == []
