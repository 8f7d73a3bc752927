from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.cells import code_cells, has_tag, parse_cell


def test_code_cells_are_read_in_order_each_as_one_text() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"]},
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "source": "c = 3"},
        {"cell_type": "code"},
    ]
    found = list(code_cells({"cells": cells}))
    assert [c.source for c in found] == ["a = 1\nb = 2", "c = 3", ""]
    assert found[0].cell is cells[0]
    assert list(code_cells({})) == []


def test_a_cell_has_only_the_tags_in_its_metadata() -> None:
    cell = {"metadata": {"tags": ["parameters"]}}
    assert has_tag(cell, "parameters")
    assert not has_tag(cell, "param")
    assert not has_tag({"metadata": {}}, "parameters")
    assert not has_tag({}, "parameters")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x = 1", "x = 1"),
        ("%time x = 1", "get_ipython().run_line_magic('time', 'x = 1')"),
        ("!ls -l", "get_ipython().system('ls -l')"),
        ("files = !ls", "files = get_ipython().getoutput('ls')"),
        ("def f():\n    %time g()", "def f():\n    get_ipython().run_line_magic('time', 'g()')"),
        ("%%bash -e\nls", "get_ipython().run_cell_magic('bash', '-e', 'ls\\n')"),
        ("f?", "get_ipython().run_line_magic('pinfo', 'f')"),
        ("x = 100 % 7", "x = 100 % 7"),
    ],
)
def test_magics_are_the_calls_that_ipython_makes_of_them(source: str, code: str) -> None:
    tree = parse_cell(source)
    assert tree is not None
    assert ast.unparse(tree) == code


@pytest.mark.parametrize("source", ["x = (", "x <- 1 +", "x = '\0'", "def f(:"])
def test_what_is_no_python_has_no_tree(source: str) -> None:
    assert parse_cell(source) is None


@pytest.mark.filterwarnings("ignore:.*make_tokens_by_line")
@given(st.text() | st.text("%!?x=1'\"\\\n ()[]{}#;:"))
def test_any_text_is_a_tree_or_none(source: str) -> None:
    assert isinstance(parse_cell(source), ast.Module | None)
