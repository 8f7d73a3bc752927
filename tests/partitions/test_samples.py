from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import ExtraRequiredError, ParameterError, UnknownNameError
from nbpart.partitions import DynamicPartitions, Param, StaticPartitions
from nbpart.partitions.distributions import choice, integers, loguniform, uniform
from nbpart.partitions.samples import read_count, read_sample, read_seed

SPACE = {"lr": loguniform(1e-4, 1e-1), "depth": integers(2, 9), "kind": choice(["gbt", "rf"]), "seed": int}


def draw(
    params: Mapping[str, Any], n: int, seed: Any = 0, values: Mapping[str, Any] | None = None, method: str = "random"
) -> list[str]:
    definition = DynamicPartitions("trials", params)
    assert definition.parameters is not None
    return list(islice(read_sample(definition, definition.parameters, values, method).points(seed), n))


@pytest.mark.parametrize("method", ["random", "sobol", "halton"])
def test_a_seed_has_the_same_points_and_more_of_them_begin_as_fewer(method: str) -> None:
    few, many = (draw(SPACE, n, 7, {"seed": 0}, method) for n in (5, 600))
    assert len(set(many)) == 600
    assert many[:5] == few
    assert draw(SPACE, 5, 8, {"seed": 0}, method) != few
    values = [DynamicPartitions("trials", SPACE).parameters.parse(key) for key in many]  # type: ignore[union-attr]
    assert {value["depth"] for value in values} == set(range(2, 10))
    assert {value["kind"] for value in values} == {"gbt", "rf"}
    assert {value["seed"] for value in values} == {0}
    assert all(1e-4 <= value["lr"] <= 1e-1 for value in values)  # type: ignore[operator]
    assert abs(sum(value["lr"] < 10**-2.5 for value in values) - 300) < 60  # type: ignore[operator]


@pytest.mark.parametrize("method", ["sobol", "halton"])
def test_points_are_spread_evenly_where_that_is_asked_for(method: str) -> None:
    keys = draw({"a": uniform(0, 1), "b": uniform(0, 1)}, 64, 0, None, method)
    values = [DynamicPartitions("t", {"a": float, "b": float}).parameters.parse(key) for key in keys]  # type: ignore[union-attr]
    cells = [(int(v["a"] * 4), int(v["b"] * 4)) for v in values]  # type: ignore[operator]
    assert set(cells) == {(a, b) for a in range(4) for b in range(4)}
    assert max(map(cells.count, cells)) <= 7


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32), st.sampled_from(["random", "sobol", "halton"]))
def test_all_points_of_a_small_space_are_found_once(a: int, b: int, seed: int, method: str) -> None:
    keys = draw({"a": integers(1, a), "b": choice(range(b))}, 100, seed, None, method)
    assert sorted(keys) == sorted(f"a={x},b={y}" for x in range(1, a + 1) for y in range(b))


def test_points_that_are_hardly_ever_drawn_are_found_too() -> None:
    assert len(draw({"a": integers(1, 3000)}, 4000)) == 3000
    assert 1000 < len(draw({"a": uniform(1, 2.01)}, 4000)) <= 1011, "it ends where what is drawn was drawn before"


def test_what_is_not_drawn() -> None:
    space = {"a": integers(0, 9), "b": int, "c": Param(str, "x"), "d": Param(uniform(0, 1), default=0.0)}
    [key] = draw(space, 1, 0, {"b": 3, "d": 5})
    assert key.endswith(",b=3,c=x,d=5.0"), "a default stands for itself, and a value is taken as it is given"
    [key] = draw(space, 1, 0, {"b": 3})
    assert "d=0.0" not in key, "a default is no reason not to draw"
    assert draw({"b": int}, 5, 0, {"b": 3}) == ["b=3"]


def test_children_are_drawn_below_a_parent_that_is_given() -> None:
    files = StaticPartitions(["a/b.csv", "c.csv"], "files")
    definition = DynamicPartitions("fits", {"k": integers(1, 3)}, under={"file": files})
    assert definition.parameters is not None
    below = read_sample(definition, definition.parameters, {"file": "a/b.csv"}, "random")
    assert sorted(below.points(0)) == [f"a%2Fb.csv/k%3D{k}" for k in (1, 2, 3)]
    with pytest.raises(ParameterError, match=r"The parent of the keys is not drawn: .* values={'file': \.\.\.}"):
        read_sample(definition, definition.parameters, None, "random")
    with pytest.raises(UnknownNameError):
        read_sample(definition, definition.parameters, {"file": "d.csv"}, "random")


@pytest.mark.parametrize(
    ("values", "method", "says"),
    [
        (
            None,
            "random",
            r"'seed' has no distribution to draw from: .* values={'seed': \.\.\.} \(--value seed=\.\.\.\)",
        ),
        ({"sed": 0}, "random", "no parameter 'sed': did you mean 'seed'"),
        ({"seed": "0"}, "random", "Parameter 'seed' takes int, not '0' of type str"),
        ({"seed": [0, 1]}, "random", r"Parameter 'seed' takes int, not \[0, 1\] of type list"),
        ([0], "random", r"values=\[0\] is no dict"),
        ({"seed": 0}, "sobl", "no method 'sobl' of drawing: did you mean 'sobol'"),
        ({"seed": 0}, 3, "no method 3 of drawing"),
    ],
)
def test_what_cannot_be_drawn(values: Any, method: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        draw(SPACE, 1, 0, values, method)


def test_numbers_of_points_and_seeds() -> None:
    assert (read_count(0), read_count(np.int64(50)), read_seed(2**70)) == (0, 50, 2**70)
    for wrong in (-1, 2.5, "3", True, None, 10_000_001, [3]):
        with pytest.raises(ParameterError, match="from 0 to 10,000,000, not"):
            read_count(wrong)
    for wrong in (-1, 0.5, "a", True):
        with pytest.raises(ParameterError, match="is no seed"):
            read_seed(wrong)


def test_without_scipy_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ExtraRequiredError, match=r"method='sobol' needs scipy: install nbpart\[sample\]"):
        draw(SPACE, 1, 0, {"seed": 0}, "sobol")
    assert draw(SPACE, 1, 0, {"seed": 0})
