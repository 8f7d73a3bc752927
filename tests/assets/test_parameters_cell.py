from __future__ import annotations

import datetime
import math
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.parameters_cell import ParameterDefault, read_parameters_cell
from nbpart.errors import DeclarationError


def read(source: Any, metadata: dict[str, Any] | None = None) -> dict[str, ParameterDefault]:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": "before = 1"},
        {"cell_type": "code", "metadata": {"tags": ["x", "parameters"]}, "source": source},
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "second = 1"},
    ]
    return read_parameters_cell({"cells": cells, "metadata": metadata or {}})


def one(source: str) -> ParameterDefault:
    (found,) = read(source).values()
    assert found.name == "x"
    return found


PLAIN = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans())


@given(st.dictionaries(st.from_regex(r"v_[a-z]{1,8}", fullmatch=True), PLAIN, min_size=1, max_size=5))
def test_literals_are_read_with_their_types_in_order(values: dict[str, Any]) -> None:
    found = read("\n".join(f"{name} = {value!r}" for name, value in values.items()))
    assert [(p.name, p.value, p.type) for p in found.values()] == [(n, v, type(v)) for n, v in values.items()]
    assert list(found) == list(values)
    assert all(p.has_value and p.annotation is None for p in found.values())


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("x = 'a=b'", "a=b"),
        ("x = 'a  # b'  # said", "a  # b"),
        ("x = '''two\nlines'''", "two\nlines"),
        ("x = ('a'\n     'b')", "ab"),
        ("x = -1.5e3", -1500.0),
        ("x = 1; ", 1),
        ("x = [1, {'a': (2, None)}]", [1, {"a": (2, None)}]),
        ("x = None", None),
        ("x = 1\nx = 2", 2),
        ("x: str = 'a=b'", "a=b"),
        ("%matplotlib inline\nx = 3", 3),
        ("x = date(2013, 1, 2)", datetime.date(2013, 1, 2)),
        ("x = dt.date(2013, month=1, day=2)", datetime.date(2013, 1, 2)),
        ("x = datetime.datetime(2013, 1, 2, 3)", datetime.datetime(2013, 1, 2, 3)),
        ("x = date.fromisoformat('2013-01-02')", datetime.date(2013, 1, 2)),
        ("x = datetime.date.fromisoformat('2013-01-02')", datetime.date(2013, 1, 2)),
        ("x: float = 1", 1.0),
        ("x = 1  # type: float", 1.0),
    ],
)
def test_defaults_that_are_known_without_running(source: str, value: Any) -> None:
    found = one(source)
    assert (found.value, found.has_value, type(found.value)) == (value, True, type(value))


@pytest.mark.parametrize(
    "source",
    [
        "x = compute()",
        "x = y",
        "x = 2 * 3",
        "x = f'{y}'",
        "x = [date(2013, 1, 2)]",
        "x = date.today()",
        "x = date(2013, 13, 1)",
        "x = date(*parts)",
        "x = fromisoformat('2013-01-02')",
        "x = {[]: 1}",
        "x = int('3')",
        "x: int",
        "x = 1\nx = x + 1",
        "x = 1\nx += 1",
        "x, _ = 1, 2\nx = other",
    ],
)
def test_defaults_that_only_running_the_code_would_show_are_unknown(source: str) -> None:
    found = read(source)["x"]
    assert (found.value, found.has_value) == (None, False)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b = 1", {"a": 1, "b": 1}),
        ("a, b = 1, 'x'", {"a": 1, "b": "x"}),
        ("(a, [b, c]) = 1, (2, 3)", {"a": 1, "b": 2, "c": 3}),
        ("a = (b, c) = 1, 2", {"a": (1, 2), "b": 1, "c": 2}),
        ("a, b = f()", {"a": None, "b": None}),
        ("a, *b = 1, 2, 3", {"a": None, "b": None}),
        ("a = 1\nb = a\n", {"a": 1, "b": None}),
        ("a.b = 1\nc[0] = 2\nprint(3)", {}),
        ("import os\ndef f(x=1): y = 2", {}),
        ("", {}),
    ],
)
def test_every_form_of_assignment(source: str, expected: dict[str, Any]) -> None:
    assert {name: p.value for name, p in read(source).items()} == expected


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", int),
        ("float", float),
        ("str", str),
        ("bool", bool),
        ("date", datetime.date),
        ("datetime.date", datetime.date),
        ("dt.datetime", datetime.datetime),
        ("'int'", int),
        ("Literal['a', 'b']", Literal["a", "b"]),
        ("typing.Literal[-1, 2]", Literal[-1, 2]),
        ("Literal['a']", Literal["a"]),
        ("int | None", int | None),
        ("None | int", int | None),
        ("Optional[str]", Optional[str]),  # noqa: UP045
        ("typing.Union[float, None]", float | None),
        ("Literal['a', 'b'] | None", Literal["a", "b"] | None),
        ("'datetime.date | None'", datetime.date | None),
        ("list", None),
        ("list[int]", None),
        ("int | str", None),
        ("int | str | None", None),
        ("Union[int, str]", None),
        ("Literal[y]", None),
        ("np.ndarray | None", None),
        ("Optional", None),
        ("None", None),
        ("3", None),
        ("'not a type'", None),
        ("kinds()", None),
    ],
)
def test_types_come_from_annotations(annotation: str, kind: Any) -> None:
    found = one(f"x: {annotation}")
    assert (found.type, found.has_value) == (kind, False)
    assert found.annotation == annotation


@pytest.mark.parametrize(
    ("source", "kind", "annotation"),
    [
        ("x = True", bool, None),
        ("x = 1  # type: float", float, "float"),
        ("x = 'a'  # type: Literal['a', 'b']", Literal["a", "b"], "Literal['a', 'b']"),
        ("x = 1  # type: ignore", int, None),
        ("x = 1  # type: not a type", int, None),
        ("x: np.float64 = 0.5", float, "np.float64"),
        ("x: int | None = 1", int | None, "int | None"),
        ("x: date = date(2013, 1, 2)", datetime.date, "date"),
        ("x = datetime(2013, 1, 2)", datetime.datetime, None),
        ("x: int = compute()", int, "int"),
        ("x = None", None, None),
        ("x = [1]", None, None),
        ("x: int\nx = 3", int, "int"),
        ("x: float = 0.1\nx = 1", float, "float"),
        ("x: float = 0.1\nx *= 2", float, "float"),
    ],
)
def test_a_type_is_that_of_the_annotation_or_else_of_the_value(source: str, kind: Any, annotation: str | None) -> None:
    found = one(source)
    assert (found.type, found.annotation) == (kind, annotation)


def test_a_number_too_large_for_a_float_is_read_as_infinity() -> None:
    assert one("x = 1e999").value == math.inf


def test_a_tagged_cell_whose_source_is_a_list_of_lines_is_read() -> None:
    assert list(read(["a = 1\n", "b = 2"])) == ["a", "b"]


def test_a_notebook_without_parameters_has_none() -> None:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": "x = 1"},
        {"cell_type": "markdown", "metadata": {"tags": ["parameters"]}, "source": "x = 1"},
    ]
    assert read_parameters_cell({"cells": cells}) == {}
    assert read_parameters_cell({}) == {}


def cell(source: str, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {"tags": ["parameters"]}, "source": source}


def test_the_first_tagged_cell_is_the_one_as_for_papermill() -> None:
    assert list(read_parameters_cell({"cells": [cell("a = 1"), cell("b = 2")]})) == ["a"]
    assert read_parameters_cell({"cells": [cell("# a = 1", "markdown"), cell("print(1)")]}) == {}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([cell("a = b = 1"), cell("c = 1\nb += 1")], "cells 1 and 2 of train.ipynb .* assigns 'b' again"),
        ([cell("# Title", "markdown"), cell("a = 1")], "cells 1 and 2 of train.ipynb .* assigns 'a' again"),
        ([cell("a = 1"), cell("c = (")], r"cell 2 of train.ipynb, tagged 'parameters', is not valid Python \(line 1: "),
    ],
)
def test_another_tagged_cell_must_not_undo_what_is_given(cells: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        read_parameters_cell({"cells": cells}, "train.ipynb")


@pytest.mark.parametrize(
    "metadata",
    [{"kernelspec": {"language": "R"}}, {"kernelspec": {"name": "ir"}, "language_info": {"name": "julia"}}],
)
def test_parameters_of_another_language_are_not_read(metadata: dict[str, Any]) -> None:
    assert read("x <- 1 +", metadata) == {}


@pytest.mark.parametrize("metadata", [{"kernelspec": {"language": "python"}}, {"language_info": {"name": "ipython"}}])
def test_python_has_several_names(metadata: dict[str, Any]) -> None:
    assert list(read("x = 1", metadata)) == ["x"]


@pytest.mark.parametrize("source", ["x = (", "x <- 1 +", "def f(:\n", "x = '\0'"])
def test_a_cell_that_is_not_python_is_refused(source: str) -> None:
    with pytest.raises(DeclarationError, match=r"cell 2 of the notebook, tagged 'parameters', is not valid Python"):
        read(source)


@given(st.text() | st.text("xy=:;,'\"()[]{}# \n*|1%!"))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        found = read(source)
    except DeclarationError:
        return
    assert all(name.isidentifier() for name in found)
