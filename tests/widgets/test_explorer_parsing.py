from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest

from nbpart.errors import NbpartError
from nbpart.partitions import Param, Parameters
from nbpart.widgets.explorer_parsing import count_grid, parse_axes, parse_keys
from nbpart.widgets.schema import BadRequest

HOSTILE = "<img src=x onerror=alert(1)>"


def test_keys_are_typed_one_a_line() -> None:
    assert parse_keys(f" a.csv \n\n{HOSTILE}\r\na.csv\n b c\n") == ["a.csv", HOSTILE, "b c"]
    with pytest.raises(BadRequest, match="Type a key"):
        parse_keys(" \n ")


PARAMETERS = Parameters.declare(
    {"lr": float, "depth": Param(int, default=3), "day": date | None, "how": Literal["adam", "sgd"], "name": str}
)
NEEDED = {"lr": "0.1", "day": "null", "how": "sgd", "name": "x"}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("depth", "3", [3]),
        ("depth", "3, 5,3", [3, 5]),
        ("depth", "1..4", [1, 2, 3, 4]),
        ("depth", "1..9:3, 2", [1, 4, 7, 2]),
        ("depth", "-2..0", [-2, -1, 0]),
        ("lr", "0.01, 1e-1", [0.01, 0.1]),
        ("lr", "0..0.3:0.1", [0.0, 0.1, 0.2, 0.3]),
        ("day", "2026-01-30..2026-02-02", ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]),
        ("day", "2026-01-01..2026-01-15:7", ["2026-01-01", "2026-01-08", "2026-01-15"]),
        ("day", "null", [None]),
        ("how", "adam, sgd", ["adam", "sgd"]),
        ("name", "a..b, 100%", ["a..b", "100%"]),
    ],
)
def test_values_are_typed_as_one_as_a_list_or_as_a_range(name: str, text: str, values: list[Any]) -> None:
    axes = parse_axes(PARAMETERS, NEEDED | {name: text})
    assert axes[name] == values
    PARAMETERS.grid(axes)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"depth": "x"}, "depth"),
        ({"depth": "1.5"}, "depth"),
        ({"depth": "1..4:0.5"}, "1..10"),
        ({"depth": "1..4:0"}, "1..10"),
        ({"depth": "1..99999999"}, "at most 10,000"),
        ({"lr": "0..inf"}, "is no range"),
        ({"lr": ""}, "a value is needed"),
        ({"how": "rmsprop"}, "'adam' or 'sgd'"),
        ({"day": "2026-13-01"}, "day"),
        ({HOSTILE: "1"}, "no parameter"),
        ({"depth": "1..9999", "lr": "0..1:0.0002"}, "1,000,000 keys"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_parameter(texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(NbpartError, match=sentence):
        parse_axes(PARAMETERS, NEEDED | texts)


def test_the_keys_of_a_grid_are_counted_before_they_are_added() -> None:
    axes = parse_axes(PARAMETERS, NEEDED | {"depth": "1..4", "lr": "0.1, 0.2"})
    assert count_grid(PARAMETERS, axes) == (8, "day=null,depth=1,how=sgd,lr=0.1,name=x")
