"""The house: imports go down, siblings keep out of each other's rooms, functions and files stay small."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nbpart"
FILES = sorted(PACKAGE.rglob("*.py"))
FLOORS = {
    "errors": 1,
    "states": 2,
    "partitions": 2,
    "assets": 3,
    "storage": 3,
    "catalog": 4,
    "run": 4,
    "backfill": 5,
    "widgets": 5,
    "project": 6,
    "automation": 7,
    "workspace": 8,
    "magics": 9,
    "cli": 9,
    "demo": 9,
}
TOP = 9
#: Modules of nothing but records that cross rooms: a sibling may import them too.
SHARED_RECORDS = {"nbpart.run.report"}
#: Rooms whose files still import each other in circles.
ROOMS_WITH_CIRCLES: set[str] = set()
SQL = re.compile(
    r"\s*(select\s.+\sfrom|insert\s+into|update\s.+\sset|delete\s+from|create\s+(\w+\s+)?table)\b", re.I | re.S
)


@dataclass(frozen=True)
class Import:
    """One name that a file imports: `target` is the dotted module, `name` what is taken from it ("" for all of it)."""

    line: int
    target: str
    name: str


def find_imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[Import]:
    """Every import of nbpart in a module, also those inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")
            if node.level:
                base = base[: len(base) - node.level + is_package]
                target = ".".join([*base, *([node.module] if node.module else [])])
            else:
                target = node.module or ""
            for alias in node.names:
                yield Import(node.lineno, target, alias.name)


def find_trespass(module: str, found: Import, modules: set[str]) -> str | None:
    """Why a module may not import that, or None where it may."""
    full = f"{found.target}.{found.name}" if f"{found.target}.{found.name}" in modules else found.target
    if full.split(".")[0] != "nbpart":
        return None
    own, other = room_of(module), room_of(full)
    if own == "" or own == other:
        return None
    if other == "":
        return None if FLOORS[own] == TOP else f"{own} imports the package itself, which stands on top of it"
    if FLOORS[other] > FLOORS[own]:
        return f"{own} (floor {FLOORS[own]}) imports {full} (floor {FLOORS[other]})"
    if FLOORS[other] < FLOORS[own]:
        return None
    if full in SHARED_RECORDS or (FLOORS[own] == TOP and full == f"nbpart.{other}"):
        return None
    return f"{own} imports its sibling {full}"


def room_of(module: str) -> str:
    """The room of a dotted module; "" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(module) for module in MODULES} - {"", "__main__"}
    assert rooms <= set(FLOORS), f"give these a floor: {sorted(rooms - set(FLOORS))}"
    assert len(rooms) >= 8, f"only {sorted(rooms)} were found"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down(path: Path) -> None:
    module = module_of(path)
    if module == "nbpart.__main__":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = [
        f"line {found.line}: {why}"
        for found in find_imports(tree, module, path.name == "__init__.py")
        if (why := find_trespass(module, found, MODULES))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("nbpart.partitions.keys", "from nbpart.storage import files"),
        ("nbpart.assets.graph", "from nbpart.storage.files import inside"),
        ("nbpart.assets.graph", "import nbpart"),
        ("nbpart.run.pool", "from ..catalog import connection"),
        ("nbpart.run.pool", "def f():\n    import nbpart.catalog.queries"),
        ("nbpart.cli", "from nbpart.demo.story import run_demo"),
        ("nbpart.storage.files", "from .. import states, workspace"),
    ],
)
def test_a_wrong_import_is_seen(module: str, code: str) -> None:
    modules = {
        "nbpart.storage.files",
        "nbpart.catalog.connection",
        "nbpart.demo.story",
        "nbpart.workspace",
        "nbpart.states",
    }
    found = list(find_imports(ast.parse(code), module, is_package=False))
    assert any(find_trespass(module, each, modules) for each in found)


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("nbpart.cli", "from nbpart.demo import run_demo"),
        ("nbpart.demo.story", "import nbpart"),
        ("nbpart.catalog.records", "from nbpart.run.report import RunReport"),
        ("nbpart.run.pool", "from .spec import RunSpec\nfrom nbpart.storage.files import inside\nimport json"),
    ],
)
def test_a_right_import_is_let_through(module: str, code: str) -> None:
    found = list(find_imports(ast.parse(code), module, is_package=False))
    assert not any(find_trespass(module, each, MODULES) for each in found)


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Some modules of which each imports the next and the last the first; [] where there are none."""
    done: set[str] = set()

    def follow(module: str, way: list[str]) -> list[str]:
        if module in way:
            return way[way.index(module) :]
        if module in done:
            return []
        for other in sorted(graph.get(module, ())):
            if circle := follow(other, [*way, module]):
                return circle
        done.add(module)
        return []

    return next((circle for module in sorted(graph) if (circle := follow(module, []))), [])


def imports_within(room: str) -> dict[str, set[str]]:
    """What each module of a room imports of the same room, also inside functions and under TYPE_CHECKING."""
    graph: dict[str, set[str]] = {}
    for path in FILES:
        module = module_of(path)
        if room_of(module) != room:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = find_imports(tree, module, path.name == "__init__.py")
        names = {full if (full := f"{each.target}.{each.name}") in MODULES else each.target for each in found}
        graph[module] = {name for name in names if room_of(name) == room} - {module}
    return graph


@pytest.mark.parametrize("room", sorted(set(FLOORS) - ROOMS_WITH_CIRCLES))
def test_no_files_of_a_room_import_each_other_in_a_circle(room: str) -> None:
    circle = find_circle(imports_within(room))
    assert not circle, " -> ".join([*circle, circle[0]])


def test_a_circle_is_found() -> None:
    graph = {"a": {"b", "e"}, "b": {"c"}, "c": {"d", "b"}, "d": set(), "e": set()}
    assert find_circle(graph) == ["b", "c"]
    assert find_circle({**graph, "c": {"d"}}) == []


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=module_of)
def test_init_files_only_hand_names_on(path: Path) -> None:
    if path.parent == PACKAGE:
        return  # it also holds the version and its lazy hand-over
    body = ast.parse(path.read_text(encoding="utf-8")).body
    others = [node.lineno for node in body if not _hands_on(node)]
    assert not others, f"line {others[0]} does more than hand names on"


def _hands_on(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 500
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 50
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("path", [p for p in FILES if room_of(module_of(p)) != "catalog"], ids=module_of)
def test_sql_stands_in_the_catalog_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert not found, f"SQL in line {found[0]}"
