"""The cell of parameters stands where papermill puts it, and what papermill said of an error is not executed."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from papermill.execute import ERROR_MARKER_TAG
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from nbpart.run.injected_notebook import load_injected_notebook
from tests.run.conftest import make_spec

TAGS = ("parameters", "injected-parameters", "other")


def cell(number: int, *tags: str) -> Any:
    return nbformat.v4.new_code_cell(f"cell {number}", metadata={"tags": list(tags)})


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(TAGS), max_size=2, unique=True), max_size=5))
def test_it_stands_where_papermill_puts_it(tags: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cells = [cell(number, *own) for number, own in enumerate(tags)]
        spec = make_spec(Path(folder), "r", *cells, injected={"x": 1})
        found, _ = load_injected_notebook(spec)
        theirs = parameterize_notebook(
            load_notebook_node(spec.locate(spec.notebook)), {"x": 1}, kernel_name="python3", language="python"
        )
    own = ["injected" if "x = 1" in each.source else each.source for each in found.cells]
    assert own == ["injected" if "x = 1" in each.source else each.source for each in theirs.cells]
    assert len({each.id for each in found.cells}) == len(own)
    nbformat.validate(found)
    assert found.metadata.papermill["parameters"] == {"x": 1}


def test_its_id_is_the_same_each_time_and_nobody_elses(tmp_path: Path) -> None:
    taken = cell(1)
    taken.id = "injected-parameters"
    for number, cells in itertools.product((1, 2), ([], [taken])):
        spec = make_spec(tmp_path, f"r{number}{len(cells)}", *cells, injected={"x": 1})
        ids = [each.id for each in load_injected_notebook(spec)[0].cells]
        assert ids == (["injected-parameters-2", "injected-parameters"] if cells else ["injected-parameters"])


def test_other_languages_are_spelled_by_papermill(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "r", cell(1), injected={"x": True, "names": ["a"]}, language="R", kernel_name="ir")
    assert load_injected_notebook(spec)[0].cells[0].source == '# Parameters\nx = TRUE\nnames = list("a")\n'


@pytest.mark.parametrize("place", [0, 1])
def test_what_papermill_said_of_an_error_is_left_out(tmp_path: Path, place: int) -> None:
    cells = [cell(1, "parameters"), cell(2)]
    cells.insert(place, nbformat.v4.new_markdown_cell("An error", metadata={"tags": [ERROR_MARKER_TAG]}))
    spec = make_spec(tmp_path, "r", *cells, injected={"x": 1})
    sources = [each.source for each in load_injected_notebook(spec)[0].cells]
    assert sources == ["cell 1", "# Parameters of this run\nx = 1", "cell 2"]
