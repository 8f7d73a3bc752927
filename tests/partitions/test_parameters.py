from __future__ import annotations

import json
import pickle
from datetime import date, datetime
from typing import Any, Literal, Optional

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError
from nbpart.partitions.distributions import uniform
from nbpart.partitions.parameters import Param, Parameters
from nbpart.partitions.values import Kind
from tests.partitions.test_values import OF_KIND

trials = Parameters.declare({"lr": float, "depth": int})

PYTHON_TYPES: dict[Kind, type] = {
    Kind.INT: int,
    Kind.FLOAT: float,
    Kind.STR: str,
    Kind.BOOL: bool,
    Kind.DATE: date,
    Kind.DATETIME: datetime,
}


@st.composite
def declared_with_values(draw: st.DrawFn) -> tuple[Parameters, dict[str, Any]]:
    kinds = draw(st.dictionaries(st.sampled_from(list("abcdef")), st.sampled_from(list(Kind)), min_size=1))
    optional = draw(st.sets(st.sampled_from(sorted(kinds))))
    parameters = Parameters.declare(
        {n: PYTHON_TYPES[k] | (None if n in optional else PYTHON_TYPES[k]) for n, k in kinds.items()}
    )
    short = {n: OF_KIND[k].filter(lambda v: len(str(v)) < 8 or not isinstance(v, str)) for n, k in kinds.items()}
    values = {n: draw(s | st.none() if n in optional else s) for n, s in short.items()}
    return parameters, values


@given(declared_with_values())
def test_key_and_stored_form_give_the_values_back(case: tuple[Parameters, dict[str, Any]]) -> None:
    parameters, values = case
    canonical = parameters.canonical(values)
    key = parameters.spell(values)
    assert parameters.parse(key) == canonical == parameters.decode(parameters.encode(values))
    assert parameters.spell(parameters.parse(key)) == key
    assert list(canonical) == sorted(values)
    assert Parameters.from_json(parameters.to_json()) == parameters


@given(
    st.tuples(st.floats(allow_nan=False), st.integers(0, 99)), st.tuples(st.floats(allow_nan=False), st.integers(0, 99))
)
def test_equal_values_are_one_key(a: tuple[float, int], b: tuple[float, int]) -> None:
    one, other = trials.spell({"lr": a[0], "depth": a[1]}), trials.spell({"depth": b[1], "lr": b[0]})
    assert (one == other) == (a == b)


def test_spelling() -> None:
    assert trials.spell({"lr": 0.01, "depth": 3}) == "depth=3,lr=0.01"
    assert trials.spell({"lr": np.float64(1), "depth": np.int64(3)}) == "depth=3,lr=1.0"
    assert trials.spell({"lr": -0.0, "depth": 3}) == trials.spell({"lr": 0, "depth": 3})
    many = Parameters.declare({"on": bool, "day": date, "text": str | None})
    assert (
        many.spell({"on": True, "day": date(2024, 1, 2), "text": "a/b,c=d%"})
        == "day=2024-01-02,on=true,text=a%2Fb%2Cc%3Dd%25"
    )
    assert many.spell({"on": True, "day": date(2024, 1, 2), "text": None}) == "day=2024-01-02,on=true,text=null"
    assert many.spell({"on": True, "day": date(2024, 1, 2), "text": "null"}) == "day=2024-01-02,on=true,text=%6Eull"


@pytest.mark.parametrize("key", ["lr=0.010,depth=3", " depth=3, lr=1e-2", "depth=+3,lr=0.01"])
def test_a_key_may_be_spelled_freely(key: str) -> None:
    assert trials.spell(trials.parse(key)) == "depth=3,lr=0.01"


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        ("a.csv", PartitionKeyError, "depth=…,lr=…"),
        ("depth=3,depth=4,lr=1", PartitionKeyError, "two values for 'depth'"),
        ("", PartitionKeyError, "empty"),
        ("depth=3", ParameterError, "'lr' has no value"),
        ("depth=3,lr=1,x=2", ParameterError, "no parameter 'x'"),
        ("depth=deep,lr=1", ParameterError, "'depth' takes int, not 'deep'"),
        ("depth=3,lr=nan", ParameterError, "nan"),
        ("depth=3,lr=5%", PartitionKeyError, "%25"),
    ],
)
def test_a_key_that_does_not_spell_them(key: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        trials.parse(key)


def test_values_that_do_not_fit() -> None:
    with pytest.raises(ParameterError, match="'dept': did you mean 'depth'"):
        trials.canonical({"lr": 1, "dept": 3})
    with pytest.raises(ParameterError, match="did you mean 'depth'"):
        trials.canonical({"lr": 1, "depth": 3, "depht": 3})
    with pytest.raises(ParameterError, match="'depth' has no value and no default: it takes int"):
        trials.canonical({"lr": 1})
    with pytest.raises(ParameterError, match=r"'lr' takes float, not '0\.1' of type str"):
        trials.canonical({"lr": "0.1", "depth": 3})
    with pytest.raises(ParameterError, match="'depth' takes int, not True of type bool"):
        trials.canonical({"lr": 1, "depth": True})
    with pytest.raises(ParameterError, match="'depth' takes int, not None"):
        trials.canonical({"lr": 1, "depth": None})


def test_a_key_of_parameters_is_a_key() -> None:
    with pytest.raises(PartitionKeyError, match="1,005 characters"):
        Parameters.declare({"text": str}).spell({"text": "x" * 1000})


def test_literal_and_optional() -> None:
    parameters = Parameters.declare(
        {"a": Literal["x", "y"], "b": Literal[1, 2] | None, "c": Optional[int], "d": Literal["x", None]}  # noqa: UP045
    )
    assert [(p.kind, p.choices, p.optional) for p in parameters] == [
        ("str", ("x", "y"), False),
        ("int", (1, 2), True),
        ("int", (), True),
        ("str", ("x",), True),
    ]
    assert parameters.spell({"a": "x", "b": None, "c": 1, "d": None}) == "a=x,b=null,c=1,d=null"
    with pytest.raises(ParameterError, match="'a' takes 'x' or 'y', not 'z'"):
        parameters.canonical({"a": "z", "b": 1, "c": 1, "d": "x"})
    with pytest.raises(ParameterError, match="'b' takes 1 or 2 or None, not True"):
        parameters.canonical({"a": "x", "b": True, "c": 1, "d": "x"})


def test_defaults_fill_in_and_are_spelled() -> None:
    parameters = Parameters.declare({"lr": Param(float, default=1), "depth": int})
    assert parameters.canonical({"depth": 3}) == {"depth": 3, "lr": 1.0}
    assert parameters.spell({"depth": 3}) == parameters.spell(parameters.parse("depth=3")) == "depth=3,lr=1.0"
    assert Parameters.declare({"a": Param(int | None, default=None)}).spell({}) == "a=null"


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "no parameter"),
        ({"a b": int}, "identifier"),
        ({"class": int}, "identifier"),
        ({"lr": int, "LR": int}, "case"),
        ({"Run_ID": int}, "has a meaning already"),
        ({"a": list}, "declared as"),
        ({"a": 0.1}, "default="),
        ({"a": int | float}, "declared as"),
        ({"a": Literal["x", 1]}, "one type"),
        ({"a": Literal[None]}, "one type"),
        ({"a": None}, "declared as"),
        ({"a": Param(int, default="3")}, "default does not fit"),
        ({"a": Param(int, default=None)}, "default does not fit"),
        ({"a": Param(Literal["x"], default="y")}, "default does not fit"),
    ],
    ids=repr,
)
def test_declarations_that_are_refused(params: dict[Any, Any], says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        Parameters.declare(params)


def test_grid_is_the_product_in_the_order_given() -> None:
    grid = trials.grid({"lr": [0.1, 1], "depth": range(2)})
    assert [(point["lr"], point["depth"]) for point in grid] == [(0.1, 0), (0.1, 1), (1.0, 0), (1.0, 1)]
    assert all(list(point) == ["depth", "lr"] for point in grid)


def test_grid_takes_any_list_and_single_values() -> None:
    parameters = Parameters.declare({"a": int, "b": str, "c": date, "d": Param(bool, default=False)})
    axes = {"a": np.arange(2), "b": "xy", "c": pd.date_range("2024-01-01", periods=2)}
    grid = parameters.grid(axes)
    assert [parameters.spell(point) for point in grid] == [
        f"a={a},b=xy,c=2024-01-0{day},d=false" for a in (0, 1) for day in (1, 2)
    ]
    assert (
        len(parameters.grid({"a": np.array(1), "b": (c for c in "xy"), "c": date(2024, 1, 1), "d": {True, False}})) == 4
    )


def test_grid_counts_equal_values_once() -> None:
    assert trials.grid({"lr": [0.0, -0.0, 0], "depth": 1}) == [{"depth": 1, "lr": 0.0}]


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        ({"lr": [], "depth": 1}, "'lr' has no values"),
        ({"lr": [0.1]}, "'depth' has no value"),
        ({"lr": [0.1], "deph": [1]}, "did you mean 'depth'"),
        ({"lr": [0.1, "a"], "depth": 1}, "'lr' takes float"),
        ({"lr": range(4000), "depth": range(4000)}, "16,000,000 combinations"),
    ],
)
def test_grids_that_are_refused(axes: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        trials.grid(axes)


def test_stored_form_is_plain_json() -> None:
    parameters = Parameters.declare({"x": float, "day": date, "at": datetime | None, "text": str})
    stored = parameters.encode({"x": float("inf"), "day": date(2024, 1, 2), "at": None, "text": "ä\n"})
    assert json.loads(stored) == {"at": None, "day": "2024-01-02", "text": "ä\n", "x": "inf"}
    assert "ä" in stored


def test_a_parameter_added_later_leaves_keys_as_they_are() -> None:
    newer = Parameters.declare({"lr": float, "depth": int, "optimizer": Param(str, default="adam")})
    extended = trials.extended_by(newer)
    old_key, old_stored = trials.spell({"lr": 0.1, "depth": 3}), trials.encode({"lr": 0.1, "depth": 3})
    assert extended.spell({"lr": 0.1, "depth": 3, "optimizer": "adam"}) == old_key
    assert extended.spell({"lr": 0.1, "depth": 3, "optimizer": "sgd"}) == "depth=3,lr=0.1,optimizer=sgd"
    assert extended.parse(old_key) == extended.decode(old_stored) == {"depth": 3, "lr": 0.1, "optimizer": "adam"}
    assert extended.parse("depth=3,lr=0.1,optimizer=adam") == extended.parse(old_key)
    assert extended.extended_by(newer) == extended
    assert Parameters.from_json(extended.to_json()) == extended
    assert pickle.loads(pickle.dumps(extended)) == extended  # noqa: S301


def test_a_late_parameter_that_is_left_out_stays_and_is_not_drawn() -> None:
    drawn = Parameters.declare({"lr": float, "depth": int, "x": Param(uniform(0, 1), default=0.0)})
    extended = trials.extended_by(drawn)
    again = extended.extended_by(trials)
    assert [(p.name, p.default, p.added_later, p.distribution) for p in again][-1] == ("x", 0.0, True, None)
    assert again.extended_by(drawn) == extended == extended.extended_by(drawn)
    assert pickle.loads(pickle.dumps(extended)) == extended  # noqa: S301
    with pytest.raises(ParameterError, match="'depth' is gone"):
        extended.extended_by(Parameters.declare({"lr": float}))


def test_a_parameter_may_take_more_than_before() -> None:
    older = Parameters.declare({"a": Literal["x", "y"], "b": int, "c": Param(int, default=1)})
    newer = Parameters.declare({"a": Literal["x", "y", "z"], "b": int | None, "c": Param(int, default=2)})
    assert older.extended_by(newer) == newer
    assert newer.extended_by(Parameters.declare({"a": str, "b": int | None, "c": int})).names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("older", "newer", "says"),
    [
        ({"a": int, "b": int}, {"a": int}, "'b' is gone"),
        ({"a": int}, {"a": float}, "took int and would take float"),
        ({"a": int | None}, {"a": int}, "took int or None"),
        ({"a": str}, {"a": Literal["x"]}, "took str"),
        ({"a": Literal["x", "y"]}, {"a": Literal["x", "z"]}, "took 'x' or 'y'"),
        ({"a": int}, {"a": int, "b": int}, "'b' is new"),
    ],
)
def test_changes_that_would_change_what_keys_mean(older: dict[str, Any], newer: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        Parameters.declare(older).extended_by(Parameters.declare(newer))


@pytest.mark.parametrize("later", [Param(int, default=2), int])
def test_the_default_of_a_late_parameter_stays(later: Any) -> None:
    older = Parameters.declare({"a": int})
    extended = older.extended_by(Parameters.declare({"a": int, "b": Param(int, default=1)}))
    with pytest.raises(ParameterError, match="added with the default 1"):
        extended.extended_by(Parameters.declare({"a": int, "b": later}))
