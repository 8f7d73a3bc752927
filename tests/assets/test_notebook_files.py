"""Notebooks as people have them: read as Jupyter reads them, or refused with what is wrong."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbpart.assets.notebook_files import read_declared_notebook, read_notebook_file
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.errors import DeclarationError


def cell(source: Any = "x = 1", **changes: Any) -> dict[str, Any]:
    made = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    return {name: value for name, value in (made | changes).items() if value is not ...}


def book(*cells: Any, **changes: Any) -> dict[str, Any]:
    made = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return {name: value for name, value in (made | changes).items() if value is not ...}


def old(level: int) -> dict[str, Any]:
    code = {"cell_type": "code", "collapsed": False, "input": "x = 1\nx", "language": "python", "outputs": []}
    sheet = {"cells": [{"cell_type": "heading", "level": 1, "source": "A"}, code], "metadata": {}}
    if level == 2:
        code["prompt_number"] = 1
    return {"metadata": {"name": ""}, "nbformat": level, "nbformat_minor": 0, "worksheets": [sheet]}


TAGGED = {"tags": ["parameters"]}
# What is in a file, and the sources and tags of its cells.
READ: dict[str, tuple[Any, list[tuple[str, list[str]]]]] = {
    "4.0": (book(cell(), nbformat_minor=0), [("x = 1", [])]),
    "4.5": (book(cell(id="a"), nbformat_minor=5), [("x = 1", [])]),
    "no minor": (book(cell(), nbformat_minor=...), [("x = 1", [])]),
    "null minor": (book(cell(), nbformat_minor=None), [("x = 1", [])]),
    "newer minor": (book(cell(), nbformat_minor=99), [("x = 1", [])]),
    "no format": (book(cell(), nbformat=..., nbformat_minor=...), [("x = 1", [])]),
    "format as text": (book(cell(), nbformat="4"), [("x = 1", [])]),
    "format as float": (book(cell(), nbformat=4.0), [("x = 1", [])]),
    "3": (old(3), [("# A", []), ("x = 1\nx", [])]),
    "2": (old(2), [("# A", []), ("x = 1\nx", [])]),
    "null metadata": (book(cell(metadata=None), metadata=None), [("x = 1", [])]),
    "no metadata": (book(cell(metadata=...), metadata=...), [("x = 1", [])]),
    "odd metadata": (book(cell(metadata=[]), metadata="x"), [("x = 1", [])]),
    "null kernel": (book(cell(), metadata={"kernelspec": None, "language_info": None}), [("x = 1", [])]),
    "odd kernel": (book(cell(), metadata={"kernelspec": "python3", "language_info": ["x"]}), [("x = 1", [])]),
    "kernel without a name": (book(cell(), metadata={"kernelspec": {"name": None, "language": 3}}), [("x = 1", [])]),
    "odd papermill": (book(cell(metadata={"papermill": None}), metadata={"papermill": "x"}), [("x = 1", [])]),
    "null tags": (book(cell(metadata={"tags": None})), [("x = 1", [])]),
    "tag as text": (book(cell(metadata={"tags": "parameters"})), [("x = 1", ["parameters"])]),
    "odd tags": (book(cell(metadata={"tags": [1, None, "parameters"]})), [("x = 1", ["parameters"])]),
    "tags as dict": (book(cell(metadata={"tags": {"parameters": True}})), [("x = 1", [])]),
    "null source": (book(cell(None), cell(...)), [("", []), ("", [])]),
    "source in lines": (book(cell(["x = 1\n", "y = 2"], metadata=TAGGED)), [("x = 1\ny = 2", ["parameters"])]),
    "line ends of Windows": (book(cell("x = 1\r\ny = 2\r\n")), [("x = 1\ny = 2\n", [])]),
    "null outputs": (book(cell(outputs=None, execution_count="1"), cell(outputs=...)), [("x = 1", []), ("x = 1", [])]),
    "odd attachments": (book(cell(cell_type="markdown", attachments=None)), [("x = 1", [])]),
    "no cells": (book(), []),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "no JSON": (b"x = 1", "Expecting value"),
    "empty": (b"", "Expecting value"),
    "conflict": (b"<<<<<<< HEAD\n{}\n", "Expecting value"),
    "binary": (bytes(range(128, 256)), "utf-8"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "list": ([], "a JSON list"),
    "nothing": ({}, "neither cells nor a format"),
    "format 5": (book(cell(), nbformat=5), "format 5, which is newer"),
    "null cells": (book(cells=None), "no list of cells"),
    "odd cell": (book(cell(), "x"), "its cell 2 is a JSON str"),
    "no type": (book(cell(cell_type=...)), "its cell 1 has no type"),
    "odd source": (book(cell(), cell({"a": 1})), "source of its cell 2 is no text"),
    "odd lines": (book(cell(["a", 1])), "source of its cell 1 is no text"),
    "odd 3": ({"nbformat": 3, "worksheets": None}, "of format 3 that cannot be read"),
}


def write(path: Path, data: Any) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_jupyter_would(tmp_path: Path, name: str) -> None:
    data, cells = READ[name]
    notebook = read_notebook_file(write(tmp_path / "a.ipynb", data))
    assert [(c.source, c.metadata.get("tags", [])) for c in notebook.cells] == cells
    nbformat.validate(notebook)
    assert notebook == read_notebook_file(tmp_path / "a.ipynb"), "ids have to be the same each time"
    assert list(read_parameters_cell(notebook)) == (["x", "y"] if name == "source in lines" else
                                                     ["x"] if cells and cells[0][1] else [])  # fmt: skip


@pytest.mark.parametrize("encode", [codecs.BOM_UTF8.__add__, lambda text: text.decode().encode("utf-16")])
def test_a_byte_order_mark_does_not_count(tmp_path: Path, encode: Any) -> None:
    path = write(tmp_path / "a.ipynb", encode(json.dumps(book(cell("x = 'é'")), ensure_ascii=False).encode()))
    assert read_notebook_file(path).cells[0].source == "x = 'é'"


def test_ids_are_kept_where_they_can_be(tmp_path: Path) -> None:
    cells = [cell(id="a"), cell(id="a"), cell(id=None), cell(), cell(id="b c"), cell(id="cell-3"), cell(id="x" * 65)]
    notebook = read_notebook_file(write(tmp_path / "a.ipynb", book(*cells, nbformat_minor=5)))
    assert [c.id for c in notebook.cells] == ["a", "cell-2", "cell-3-2", "cell-4", "cell-5", "cell-3", "cell-7"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_notebook_is_refused_by_the_name_of_its_file(tmp_path: Path, name: str) -> None:
    data, message = REFUSED[name]
    path = write(tmp_path / "a.ipynb", data)
    with pytest.raises(DeclarationError, match=f"asset 'a': {re.escape(str(path))} is no notebook .*{message}"):
        read_declared_notebook("a", path)


def test_a_missing_notebook_is_refused_with_its_asset_and_path(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="asset 'a': there is no notebook at"):
        read_declared_notebook("a", tmp_path / "a.ipynb")
