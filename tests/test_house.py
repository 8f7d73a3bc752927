"""The house: imports go down, siblings keep out of each other's rooms, functions and files stay small."""

from __future__ import annotations

import ast
import re
import tomllib
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
    "trials": 7,
    "workspace": 8,
    "cli": 9,
    "demo": 9,
}
TOP = 9
#: Modules of nothing but records that cross rooms: a sibling may import them too.
SHARED_RECORDS = {"nbpart.run.report", "nbpart.run.check_result", "nbpart.storage.named_format"}
#: Private names of other libraries that nbpart uses, each with the reason; ruff has the same list.
FOREIGN = {
    "_bit_generator": "numpy: where a Generator keeps its state; seeding anew is offered for legacy generators only",
    "_close_control_socket": "jupyter_client: what its own shutdown calls last, and a kept kernel must not wait",
    "_cleanups": "typing: what empties its caches, at a process's end to no use",
    "_exit": "os: the public way to end a forked process at once",
    "_get_dump": "abc: which classes were registered by hand; there is no public way to ask",
    "_getframe": "sys: the variables of whoever called; inspect costs a hundred times as much",
    "_handlerList": "logging: handlers that were made before a fork",
    "_handlers": "logging: as above",
    "_lru_cache_wrapper": "functools: the type of a cached function has no public name",
    "_original_stdstream_copy": "ipykernel: file descriptors that a forked kernel has to take over",
    "_progressively_terminate_all_children": "ipykernel: it waits for half a minute where children stay",
    "_reply_subshell_for": "ours, left on a Comm of the comm package, which has no place for it",
    "_run_exitfuncs": "atexit: there is no other way to run them before os._exit",
    "_seed_seq": "numpy before 1.25: the public name came later",
    "_should_watch": "ipykernel: whether a stream reads the file descriptor itself",
    "_shutdown": "threading: what the interpreter does at its end, before os._exit",
    "_strip_protocol": "fsspec: documented for implementations, and the only way from a URL to its path",
    "_sys_modules_keys": "IPython: the modules that were there before the first cell, for %reset",
    "_tee": "IPython: the log of the session, which a forked kernel must not share",
}
#: Functions with more than `MOST_PARAMETERS`: faces, which declare every option by keyword so that Tab shows it.
FACES = {
    "nbpart.assets.asset.asset",
    "nbpart.assets.asset.source",
    "nbpart.assets.asset.notebook",
    "nbpart.partitions.frequencies.DailyPartitions.__init__",
    "nbpart.partitions.frequencies.HourlyPartitions.__init__",
    "nbpart.partitions.frequencies.MonthlyPartitions.__init__",
    "nbpart.partitions.frequencies.WeeklyPartitions.__init__",
    "nbpart.partitions.windows.TimeWindowPartitions.__init__",
    "nbpart.project.backfills.Backfill.resume",
    "nbpart.project.backfills.Backfill.retry_failed",
    "nbpart.project.plans.Plan.run",
    "nbpart.trials.study.Study.optimize",
    "nbpart.run.standalone.execute_standalone",  # papermill passes its options one by one
    "nbpart.trials.board.Board.backfill",
    "nbpart.workspace.bound.BoundAsset.backfill",
    "nbpart.workspace.declaring.Declaring.asset",
    "nbpart.workspace.declaring.Declaring.notebook",
    "nbpart.workspace.declaring.Declaring.notebooks",
    "nbpart.workspace.declaring.Declaring.source",
    "nbpart.workspace.workspace.Workspace.backfill",
    "nbpart.workspace.automating.Automating.tick",
}
MOST_PARAMETERS = 8
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


@pytest.mark.parametrize("room", sorted(FLOORS))
def test_no_files_of_a_room_import_each_other_in_a_circle(room: str) -> None:
    circle = find_circle(imports_within(room))
    assert not circle, " -> ".join([*circle, circle[0]])


def test_a_circle_is_found() -> None:
    graph = {"a": {"b", "e"}, "b": {"c"}, "c": {"d", "b"}, "d": set(), "e": set()}
    assert find_circle(graph) == ["b", "c"]
    assert find_circle({**graph, "c": {"d"}}) == []


@pytest.mark.parametrize(
    "code",
    [
        "if TYPE_CHECKING:\n    from nbpart.storage import files",
        "def late():\n    from nbpart.storage import files",
        "from . import files",
    ],
)
def test_an_import_counts_wherever_it_stands(code: str) -> None:
    [found] = find_imports(ast.parse(code), "nbpart.storage.formats", is_package=False)
    assert (found.target, found.name) == ("nbpart.storage", "files")


def find_reaches(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every private name that a file uses and does not define: it is another file's.

    Names of Python (``__init__``) and of IPython's protocols (``_repr_html_``) are public.
    """
    own = set(_find_defined(tree))
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute) and not _is_inherited(node):
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BY_NAME:
            names = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        for name in names:
            if name.startswith("_") and not name.endswith("_") and name not in own:
                yield getattr(node, "lineno", 0), name


_BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}


def _is_inherited(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def _find_defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_inherited(node):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_no_file_uses_the_private_names_of_another(path: Path) -> None:
    found = find_reaches(ast.parse(path.read_text(encoding="utf-8")))
    assert not [f"line {line}: {name}" for line, name in found if name not in FOREIGN]


@pytest.mark.parametrize(
    "code",
    [
        "def f(ws):\n    return ws._catalog.read()",
        "class A:\n    def f(self):\n        return self._ws._site",
        "from nbpart.storage.files import _inside",
        "def f(plan):\n    return getattr(plan, '_steps')",
        "def f(plan):\n    plan._steps = 1",
    ],
)
def test_a_reach_for_a_private_name_is_seen(code: str) -> None:
    names = {name for _, name in find_reaches(ast.parse(code))}
    assert names & {"_catalog", "_site", "_inside", "_steps"}


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    def f(self, other):\n        self._x = 1\n        return other._x",
        "def f(widget):\n    return widget._repr_html_() + widget.__class__.__name__",
        "from __future__ import annotations",
    ],
)
def test_a_name_of_the_file_itself_is_let_through(code: str) -> None:
    assert not list(find_reaches(ast.parse(code)))


def test_private_names_of_other_libraries_are_used_and_the_same_for_ruff() -> None:
    used = {name for path in FILES for _, name in find_reaches(ast.parse(path.read_text(encoding="utf-8")))}
    assert set(FOREIGN) <= used, "what is used no more leaves the list"
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(settings["tool"]["ruff"]["lint"]["flake8-self"]["extend-ignore-names"]) == sorted(FOREIGN)
    assert settings["tool"]["ruff"]["lint"]["pylint"]["max-args"] == MOST_PARAMETERS


def find_long_lists(tree: ast.Module, module: str) -> set[str]:
    """The functions of a module, also methods, with more than `MOST_PARAMETERS` beside ``self``."""
    found = set()
    places: list[tuple[str, ast.AST]] = [(module, tree)]
    while places:
        name, place = places.pop()
        for node in ast.iter_child_nodes(place):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                places.append((f"{name}.{node.name}", node))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_overload(node):
                given = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len(given) - (given[:1] in (["self"], ["cls"])) > MOST_PARAMETERS:
                    found.add(f"{name}.{node.name}")
    return found


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


def test_only_faces_have_many_parameters() -> None:
    found = set[str]()
    for path in FILES:
        found |= find_long_lists(ast.parse(path.read_text(encoding="utf-8")), module_of(path))
    assert found - FACES == set(), "let these take a record"
    assert found >= FACES, "these have fewer now: take them off the list"


def test_many_parameters_are_seen() -> None:
    many = ", ".join(f"a{n}=0" for n in range(9))
    code = f"class A:\n    def f(self, *, {many}): ...\n    def g(self, {many[6:]}): ..."
    assert find_long_lists(ast.parse(code), "m") == {"m.A.f"}


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


#: The modules above storage that open, write, list or remove files themselves, and which: none of them is a data file.
FILE_USERS = {
    "nbpart.assets": "notebooks and modules of the user",
    "nbpart.automation": "what sensors print, what the system says of their processes",
    "nbpart.backfill.claims": "kept code",
    "nbpart.backfill.coordinator_locks": "the locks of coordinators",
    "nbpart.backfill.kept_kernels": "connection files of kept kernels",
    "nbpart.backfill.pending": "reports that were recorded",
    "nbpart.backfill.pruning": "curves that grow, and what a pruner compares with",
    "nbpart.catalog": "the catalog and what lies beside it",
    "nbpart.cli": "the log of a run that is followed",
    "nbpart.demo": "the folder of the demo",
    "nbpart.project.code_on_disk": "kept code, and modules of the user",
    "nbpart.project.code_scan": "what is remembered of code on disk",
    "nbpart.project.data": "the executed notebook of a run without data",
    "nbpart.project.detached": "the log of a backfill",
    "nbpart.project.diff": "executed notebooks",
    "nbpart.project.edited_file": "the notebook of the user that an edit is saved to",
    "nbpart.project.folder": "the folder of a workspace and where its catalog is",
    "nbpart.project.kept_code": "kept code, two versions of which are compared",
    "nbpart.project.preview": "logs and executed notebooks",
    "nbpart.project.run_curves": "the curves of a run",
    "nbpart.project.runs": "logs, executed notebooks, connection files, requests to stop",
    "nbpart.project.snapshots": "kept code",
    "nbpart.project.trust": "the list of trusted workspaces",
    "nbpart.project.working_copy": "the working copy of an edit",
    "nbpart.run.child_run": "the log of a run, the notebook that it is handed",
    "nbpart.run.curve_files": "the curves of a run",
    "nbpart.run.curve_tail": "curves that grow",
    "nbpart.run.curves": "the curves of a run",
    "nbpart.run.kernels": "sockets, connection files, what the system says of processes",
    "nbpart.run.members": "the notes of a run that goes on",
    "nbpart.run.modules": "kept code",
    "nbpart.run.notebook": "the log of a run, kept code",
    "nbpart.run.recovery": "the journal of a run",
    "nbpart.run.report": "the report of a run",
    "nbpart.run.secrets": "the pipe of secrets",
    "nbpart.run.source_files": "remote files of sources that a run fetched",
    "nbpart.run.spec": "the spec of a run",
    "nbpart.run.spec_notebook": "the journal of a run",
    "nbpart.run.stopping": "the requests by which a run is stopped, and what a pruner compares with",
    "nbpart.widgets.bundle": "what browsers load",
}
#: Those that ask a store for the path of a local file, and why the store's own verbs do not do.
LOCAL_PATHS = {
    "nbpart.backfill.leftovers": "the spec of a dead run says by its own place which workspace it is of",
    "nbpart.project.data_diff": "pyarrow reads the columns of a frame one by one by its file's name",
    "nbpart.project.preview": "pyarrow reads the first rows of a frame by its file's name",
    "nbpart.project.data_tables": "DuckDB reads files by their names",
    "nbpart.run.context": "a user writes a file of his own",
    "nbpart.run.joined_frames": "pyarrow reads a dataset by the names of its files",
}
_OF_SYSTEM = (
    "open unlink remove rename replace listdir scandir walk fwalk rmdir mkdir makedirs link symlink rmtree copyfile"
    " copy copy2 copytree move"
)
_OF_PATHS = "read_bytes read_text write_bytes write_text unlink mkdir rmdir glob rglob iterdir touch"
_OF_STORAGE = "open write_atomic write_bytes_atomic open_own read_own find_own make_folder open_own_folder rename_new"


def find_file_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each call that opens, writes, lists or removes files without a store."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in _OF_STORAGE.split():
            yield node.lineno, node.func.id
        elif isinstance(node.func, ast.Attribute):
            owner, name = node.func.value, node.func.attr
            is_of_system = isinstance(owner, ast.Name) and owner.id in ("os", "shutil")
            is_opened = name == "open" and not isinstance(owner, ast.Name)
            if is_opened or name in (_OF_SYSTEM if is_of_system else _OF_PATHS).split():
                yield node.lineno, name


def find_data_paths(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each path below ``data/`` that a module puts together itself."""
    for node in ast.walk(tree):
        right = node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) else node
        text = right.value if isinstance(right, ast.Constant) and isinstance(right.value, str) else ""
        if text.startswith("data/") or (text == "data" and right is not node):
            yield right.lineno, text


def name_file_user(module: str) -> str:
    """The entry of FILE_USERS that stands for a module; the module itself where there is none."""
    return next((name for name in FILE_USERS if f"{module}.".startswith(f"{name}.")), module)


ABOVE_STORAGE = [path for path in FILES if room_of(module_of(path)) not in ("", "storage", "__main__")]


def test_no_room_above_storage_touches_data_files_but_through_a_store() -> None:
    users, wrong, local = set(), [], set()
    for path in ABOVE_STORAGE:
        module, tree = module_of(path), ast.parse(path.read_text(encoding="utf-8"))
        calls = list(find_file_calls(tree))
        users |= {name_file_user(module)} if calls else set()
        wrong += [f"{module}, line {line}: {name}" for line, name in calls if name_file_user(module) not in FILE_USERS]
        if room_of(module) not in ("catalog", "demo"):  # where a path is only told, and where no workspace is
            wrong += [f"{module}, line {line}: {text}" for line, text in find_data_paths(tree)]
        local |= {
            module
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in ("local_path", "draft_path")
        }
    assert not wrong, "\n".join(wrong)
    assert users == set(FILE_USERS), "what is used no more leaves the list"
    assert local == set(LOCAL_PATHS)


@pytest.mark.parametrize(
    "code",
    [
        "path.read_bytes()",
        "with (root / path).open('rb') as file: ...",
        "open(path)",
        "os.listdir(folder)",
        "from nbpart.storage.files import write_atomic\nwrite_atomic(path, write)",
        "shutil.copyfile(a, b)",
    ],
)
def test_a_call_that_touches_files_is_seen(code: str) -> None:
    assert len(list(find_file_calls(ast.parse(code)))) == 1


def test_a_path_of_data_is_seen_and_a_verb_of_a_store_is_none() -> None:
    code = "root / 'data' / key; f'data/{stem}'; 'data/x'; {'data': 1}; content['data']"
    assert sorted(text for _, text in find_data_paths(ast.parse(code))) == ["data", "data/", "data/x"]
    code = "store.read(path); store.publish(path, write); store.remove(path); items.remove(1); text.replace('a', 'b')"
    assert list(find_file_calls(ast.parse(code))) == []


HOUSE = (PACKAGE.parent / "docs" / "house.md").read_text("utf-8")


def test_the_page_of_the_house_has_each_room_on_its_floor() -> None:
    rows = re.findall(r"^\| (\d) \| (.+?) \|", HOUSE, re.M)
    drawn = {name.strip("`/").removesuffix(".py"): int(floor) for floor, names in rows for name in names.split(", ")}
    rooms = {room_of(module) for module in MODULES} - {"", "__main__"}
    assert drawn == {room: FLOORS[room] for room in rooms}


def test_each_file_that_the_page_of_the_house_names_is_there() -> None:
    named = set(re.findall(r"`((?:nbpart|frontend|tests)/[\w./]+)`", HOUSE))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (PACKAGE.parent / name).exists()] == []
