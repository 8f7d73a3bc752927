from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbpart
from nbpart.assets.compile import Argument, compile_function
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.assets.spelling import LINE
from nbpart.errors import DeclarationError


class FakeRun:
    """What a notebook asks of a run, with what it saved."""

    def __init__(self, *keys: str, partition_key: str | None = None) -> None:
        self.partition_keys, self.partition_key = keys, partition_key
        self.params = {"lr": 0.5, "depth": 3}
        self.saved: dict[str | None, Any] = {}
        self.members: list[FakeRun] = []

    def load(self, name: str) -> str:
        return f"{name} of {self.partition_key}"

    def save(self, value: Any) -> None:
        self.saved[self.partition_key] = value

    @contextmanager
    def partition(self, key: str) -> Iterator[FakeRun]:
        one = FakeRun(partition_key=key)
        yield one
        self.saved |= one.saved


ALL = (
    Argument("partition_key", "partition_key"),
    Argument("run", "run"),
    Argument("lr", "parameter"),
    Argument("inbox", "input"),
    Argument("table", "input", source="raw_table"),
    Argument("factor", "setting", default=2),
)
SETUP = "def f(partition_key, run, lr, inbox, table, factor):\n    return [partition_key, lr, inbox, table, factor]"


def compiled(
    *arguments: Argument, setup: str = SETUP, call: str = "f", description: str = "", name: str = "model"
) -> dict[str, Any]:
    return compile_function(name, arguments=arguments, setup=setup, call=call, description=description)


def sources(notebook: dict[str, Any]) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in notebook["cells"]}


def execute(
    notebook: dict[str, Any], run: FakeRun, monkeypatch: pytest.MonkeyPatch, single_run: bool = False, **given: Any
) -> dict[str, Any]:
    """The namespace after all code cells; ``given`` is what a backfill injects below the parameters cell."""
    named: list[str] = []
    monkeypatch.setattr(nbpart, "current_run", lambda name: named.append(name) or run)
    variant = notebook["metadata"]["nbpart"]["single_run"] if single_run else {}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        source = variant.get(cell["id"], cell["source"])
        if cell["cell_type"] == "code" and source is not None:
            code = compile(source, cell["id"], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            waiting = eval(code, namespace)
            if inspect.iscoroutine(waiting):
                asyncio.run(waiting)
        if cell["id"] == "parameters":
            namespace |= given
    assert named == [notebook["metadata"]["nbpart"]["asset"]]
    return namespace


def test_the_notebook_is_one_that_a_person_would_write() -> None:
    assert sources(compiled(*ALL, description="  Trains it.\n\n  Slowly.")) == {
        "title": "# model\n\nTrains it.\n\nSlowly.",
        "parameters": "partition_key = None\nfactor = 2",
        "run": 'import nbpart\n\nrun = nbpart.current_run("model")',
        "setup": SETUP,
        "call": "result = f(\n"
        "    partition_key=run.partition_key,\n"
        "    run=run,\n"
        '    lr=run.params["lr"],\n'
        '    inbox=run.load("inbox"),\n'
        '    table=run.load("raw_table"),\n'
        "    factor=factor,\n"
        ")",
        "save": "if result is not None:\n    run.save(result)\nresult",
    }


def test_without_arguments_and_description_their_cells_are_left_out() -> None:
    found = sources(compiled(setup="from jobs import clean", call="clean.inner"))
    assert (found["title"], found["parameters"]) == ("# model", "partition_key = None")
    assert (found["setup"], found["call"]) == ("from jobs import clean", "result = clean.inner()")


def test_it_is_a_valid_notebook_and_the_same_each_time() -> None:
    one = compiled(*ALL, description="Told.")
    nbformat.validate(nbformat.from_dict(one))
    assert one == compiled(*ALL, description="Told.")
    assert one["metadata"]["nbpart"]["asset"] == "model"
    assert one["cells"][1]["metadata"] == {"tags": ["parameters"]}


def test_each_argument_is_given_what_it_is_bound_to(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun(partition_key="a")
    namespace = execute(compiled(*ALL), run, monkeypatch)
    assert namespace["result"] == ["a", 0.5, "inbox of a", "raw_table of a", 2]
    assert run.saved == {"a": namespace["result"]}


def test_a_backfill_overrides_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert execute(compiled(*ALL), FakeRun(), monkeypatch, factor=7)["result"][-1] == 7


def test_a_run_of_many_partitions_gives_each_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun("a", "b")
    execute(compiled(*ALL), run, monkeypatch, single_run=True, factor=7)
    assert run.saved == {key: [key, 0.5, f"inbox of {key}", f"raw_table of {key}", 7] for key in "ab"}


@pytest.mark.parametrize("single_run", [False, True])
def test_what_returns_nothing_saves_nothing(monkeypatch: pytest.MonkeyPatch, single_run: bool) -> None:
    run = FakeRun("a", partition_key="a")
    execute(compiled(setup="def f(): pass"), run, monkeypatch, single_run)
    assert run.saved == {}


@pytest.mark.parametrize("single_run", [False, True])
def test_an_async_function_is_awaited(monkeypatch: pytest.MonkeyPatch, single_run: bool) -> None:
    run = FakeRun("a", partition_key="a")
    setup = "import asyncio\nasync def f(inbox):\n    await asyncio.sleep(0)\n    return inbox"
    notebook = compiled(Argument("inbox", "input"), setup=setup, call="await f")
    assert sources(notebook)["call"] == 'result = await f(inbox=run.load("inbox"))'
    execute(notebook, run, monkeypatch, single_run)
    assert run.saved == {"a": "inbox of a"}


OWN_NAMES = ("run", "result", "one", "key", "nbpart_run", "nbpart", "partition_key", "given_max", "f")


@pytest.mark.parametrize("single_run", [False, True])
@pytest.mark.parametrize("name", OWN_NAMES)
def test_names_of_the_code_do_not_collide_with_those_of_the_notebook(
    monkeypatch: pytest.MonkeyPatch, name: str, single_run: bool
) -> None:
    run = FakeRun("a", partition_key="a")
    setup = f"def {name}(): return 'mine'\ndef f2(inbox, max): return {name}(), inbox, max"
    notebook = compiled(Argument("inbox", "input"), Argument("max", "setting", default=1), setup=setup, call="f2")
    execute(notebook, run, monkeypatch, single_run)
    assert run.saved == {"a": ("mine", "inbox of a", 1)}


@pytest.mark.parametrize("single_run", [False, True])
@pytest.mark.parametrize("name", [*OWN_NAMES, "limit", "given_limit"])
def test_settings_do_not_collide_with_names_of_the_notebook(
    monkeypatch: pytest.MonkeyPatch, name: str, single_run: bool
) -> None:
    run = FakeRun("a", partition_key="a")
    setup = f"limit = 5\ndef {name}_of(**settings): return settings, limit"
    settings = [Argument(n, "setting", default=n) for n in dict.fromkeys([name, "limit"])]
    execute(compiled(*settings, setup=setup, call=f"{name}_of"), run, monkeypatch, single_run)
    assert run.saved == {"a": ({a.name: a.name for a in settings}, 5)}


@pytest.mark.parametrize("name", ["max", "display", "filter"])
def test_a_setting_does_not_hide_what_the_code_takes_from_python(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("builtins.display", lambda *shown: shown, raising=False)
    setup = f"def helper(): return {name}\ndef f({name}): return {name}, helper()"
    notebook = compiled(Argument(name, "setting", default=3), setup=setup)
    result = execute(notebook, FakeRun(), monkeypatch, **{name: 4})["result"]
    assert result[0] == 4
    assert callable(result[1])


def test_a_setting_named_like_the_function_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = compiled(Argument("f", "setting", default="kept"), setup="def f(f): return f")
    assert sources(notebook)["run"].startswith("given_f = f  # the code below has")
    assert execute(notebook, FakeRun(), monkeypatch, f="mine")["result"] == "mine"


def test_a_function_may_be_called_run(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = compiled(Argument("run", "run"), setup="def run(run): return run.partition_key", call="run")
    run = FakeRun(partition_key="a")
    execute(notebook, run, monkeypatch)
    assert run.saved == {"a": "a"}


@pytest.mark.parametrize("default", [object(), {1, 2}, float("nan"), {1: 2}, b"x", len])
def test_a_default_that_a_notebook_cannot_spell_is_left_to_the_function(default: Any) -> None:
    found = sources(compiled(Argument("inbox", "input"), Argument("how", "setting", default=default)))
    assert found["parameters"] == "partition_key = None"
    assert found["call"] == 'result = f(inbox=run.load("inbox"))'


def test_positional_arguments_are_passed_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [
        Argument("inbox", "input", positional_only=True),
        Argument("factor", "setting", default=2, positional_only=True),
        Argument("lr", "parameter"),
    ]
    notebook = compiled(*arguments, setup="def f(inbox, factor, /, lr): return inbox, factor, lr")
    assert sources(notebook)["call"] == 'result = f(run.load("inbox"), factor, lr=run.params["lr"])'
    assert execute(notebook, FakeRun(partition_key="a"), monkeypatch)["result"] == ("inbox of a", 2, 0.5)


def test_what_stands_behind_a_default_that_is_left_out_is_left_out_too() -> None:
    arguments = [
        Argument("how", "setting", default=len, positional_only=True),
        Argument("factor", "setting", default=2, positional_only=True),
        Argument("lr", "parameter"),
    ]
    found = sources(compiled(*arguments))
    assert found["call"] == 'result = f(lr=run.params["lr"])'
    assert found["parameters"] == "partition_key = None"


def test_what_cannot_be_reached_behind_such_a_default_is_refused() -> None:
    arguments = [
        Argument("how", "setting", default=len, positional_only=True),
        Argument("lr", "parameter", positional_only=True),
    ]
    with pytest.raises(DeclarationError, match="'lr' stands behind a default that a notebook cannot spell"):
        compiled(*arguments)


@given(st.lists(st.from_regex(r"[a-z]{1,30}", fullmatch=True), unique=True, max_size=8))
def test_calls_are_laid_out_within_a_line(names: list[str]) -> None:
    arguments = [Argument(f"a_{name}", "input") for name in names]
    notebook = compiled(*arguments)
    for source in (sources(notebook)["call"], notebook["metadata"]["nbpart"]["single_run"]["call"]):
        assert max(map(len, source.splitlines())) <= LINE
        call = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "f")
        assert [k.arg for k in call.keywords] == [a.name for a in arguments]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.lists(VALUES, max_size=4))
def test_the_parameters_cell_holds_the_defaults(values: list[Any]) -> None:
    arguments = [Argument(f"a{i}", "setting", default=value) for i, value in enumerate(values)]
    found = read_parameters_cell(compiled(*arguments))
    assert {name: p.value for name, p in found.items()} == {
        "partition_key": None, **{a.name: a.default for a in arguments},
    }  # fmt: skip
