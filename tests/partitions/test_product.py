from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import (
    Column,
    ColumnSource,
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    Kind,
    MultiPartitions,
    StaticPartitions,
    safe_name,
)

days = DailyPartitions("days", "2013-01-01")
hours = HourlyPartitions("hours", "2013-01-01", timezone="America/New_York")
origins = StaticPartitions(["EWR", "JFK"])
trials = DynamicPartitions("trials", params={"lr": float, "depth": int}, columns={"note": str})
folds = StaticPartitions(range(5), name="folds", column="fold")
grid = MultiPartitions({"origin": origins, "day": days}, name="grid")
cv = MultiPartitions({"trial": trials, "fold": folds}, name="cv")
companies = MultiPartitions({"company": DynamicPartitions("companies"), "unit": DynamicPartitions("units")})

any_key = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8)


def names(definition: MultiPartitions) -> list[str]:
    return [column.name for column in definition.columns]


def test_attributes() -> None:
    assert (grid.kind, grid.set_name, grid.name, grid.parameters) == ("product", "grid", "grid", None)
    assert grid.dimensions == grid.parts == (("day", days), ("origin", origins))
    assert grid.names == ("day", "origin")


def test_dimensions_can_be_lists_and_live_sets() -> None:
    live = SimpleNamespace(definition=days)
    assert MultiPartitions({"day": live, "origin": ["EWR", "JFK"]}, name="grid") == grid


def test_a_product_that_nobody_named_has_the_name_of_its_dimensions() -> None:
    one = MultiPartitions({"a": origins, "b": folds})
    assert one.name is None
    assert one.set_name.startswith("product-")
    assert one.set_name == MultiPartitions({"b": folds, "a": origins}).set_name
    assert one.set_name != MultiPartitions({"a": folds, "b": origins}).set_name


def test_columns() -> None:
    assert names(grid) == ["day", "day_start", "day_end", "origin"]
    assert grid.columns[0] == Column("day", Kind.DATE, ColumnSource.PART, "day", days.value_column)
    assert grid.columns[3] == Column("origin", Kind.STR, ColumnSource.PART, "origin", None)
    assert names(cv) == ["fold", "trial", "depth", "lr", "note"]
    assert [column.kind for column in cv.columns] == [Kind.INT, Kind.STR, Kind.INT, Kind.FLOAT, Kind.STR]


def test_columns_of_a_child_as_a_dimension() -> None:
    samples = DynamicPartitions("samples", columns={"batch": str})
    chunks = DynamicPartitions("chunks", under={"sample": samples})
    assert names(MultiPartitions({"chunk": chunks, "fold": folds})) == ["chunk", "sample", "batch", "chunks", "fold"]


def test_a_dimension_may_be_called_as_the_value_of_its_own_key() -> None:
    assert names(MultiPartitions({"fold": folds})) == ["fold"]
    assert names(MultiPartitions({"days": days})) == ["days", "days_start", "days_end"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MultiPartitions({}), "dict of dimensions"),
        (lambda: MultiPartitions([days]), "dict of dimensions"),  # type: ignore[arg-type]
        (lambda: MultiPartitions({"a": None}), "None is no partitions definition"),
        (lambda: MultiPartitions({"a": "EWR"}), "no partitions definition"),
        (lambda: MultiPartitions({"a b": days}), "dimension name 'a b' is no Python identifier"),
        (lambda: MultiPartitions({"status": days}), "dimension name 'status' has a meaning"),
        (lambda: MultiPartitions({"grid": grid, "fold": folds}), "product itself: give its dimensions .*, day, origin"),
        (lambda: MultiPartitions({"a": days}, name="product-1"), "product-1"),
        (
            lambda: MultiPartitions({"lr": origins, "trial": trials}, name="g"),
            "Partitions 'g': two columns .* 'lr', one from 'lr' and one from the parameter 'lr' of 'trial'",
        ),
        (lambda: MultiPartitions({"lr": trials}), "one from 'lr' and one from the parameter 'lr' of 'lr'"),
        (
            lambda: MultiPartitions({"a": trials, "b": trials}),
            "the parameter 'depth' of 'a' and one from the parameter 'depth' of 'b'",
        ),
        (lambda: MultiPartitions({"Day": days, "day": origins}), "'day', but for its case, one from 'Day' and .*'day'"),
        (
            lambda: MultiPartitions({"day": days, "day_start": origins}),
            "window's start .*'day' and one from 'day_start'",
        ),
        (
            lambda: MultiPartitions({"job": origins, "x": DynamicPartitions("x", columns={"job_end": str})}),
            "'job_end', from the column 'job_end' of 'x', has a name that is kept",
        ),
    ],
)
def test_declarations_that_are_refused(make: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        make()


def test_it_is_frozen_hashable_and_survives_pickling() -> None:
    for definition in (grid, cv, companies):
        assert pickle.loads(pickle.dumps(definition)) == definition  # noqa: S301
        assert hash(definition) == hash(pickle.loads(pickle.dumps(definition)))  # noqa: S301


@given(any_key, any_key)
def test_a_key_comes_back_as_it_was(company: str, unit: str) -> None:
    texts = {"company": company, "unit": unit}
    key = companies.spell(texts)
    assert companies.split(key) == texts
    assert companies.spell_key(key) == companies.spell_key(texts) == key
    turned = ",".join(reversed(key.split(",")))
    assert companies.spell_key(turned) == key


@given(any_key, any_key, any_key, any_key)
def test_other_keys_have_other_texts(a: str, b: str, c: str, d: str) -> None:
    assert (companies.spell({"company": a, "unit": b}) == companies.spell({"company": c, "unit": d})) == (
        (a, b) == (c, d)
    )


def test_spelling() -> None:
    assert grid.spell_key({"origin": "EWR", "day": date(2013, 1, 1)}) == "day=2013-01-01,origin=EWR"
    assert companies.spell({"company": "acme, inc=1", "unit": "x|y"}) == "company=acme%2C inc%3D1,unit=x|y"
    assert cv.spell_key({"trial": {"lr": 0.1, "depth": 3}, "fold": 4}) == "fold=4,trial=depth%3D3%2Clr%3D0.1"
    assert cv.split("fold=4,trial=depth%3D3%2Clr%3D0.1") == {"fold": "4", "trial": "depth=3,lr=0.1"}


@pytest.mark.parametrize(
    "same",
    [
        "origin=EWR,day=2013-01-02",
        {"day": "2013-01-02", "origin": "EWR"},
        {"day": pd.Timestamp("2013-01-02"), "origin": "EWR"},
        {"day": datetime(2013, 1, 2, tzinfo=UTC), "origin": "EWR"},
        "day=2013-01-02 00:00,origin=EWR",
    ],
    ids=repr,
)
def test_equal_values_are_one_key(same: Any) -> None:
    assert grid.spell_key(same) == "day=2013-01-02,origin=EWR"


def test_the_parameters_of_a_dimension_may_be_given_by_their_names() -> None:
    key = "fold=4,trial=depth%3D3%2Clr%3D0.1"
    assert cv.spell_key({"depth": 3, "lr": 0.1, "fold": "4"}) == key
    assert cv.spell_key("trial=lr%3D1e-1%2Cdepth%3D3,fold=04") == key


def test_a_key_may_be_longer_than_an_own_one() -> None:
    long = companies.spell({"company": "é" * 1000, "unit": "," * 1000})
    assert companies.spell_key(long) == long
    assert len(safe_name(long)) <= 100


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        ("2013-01-01", PartitionKeyError, "Partitions 'grid': .*day=…,origin=…"),
        ("day=2013-01-01", PartitionKeyError, "no value for 'origin'"),
        ("day=2013-01-01,origin=", PartitionKeyError, "day=…,origin=…"),
        ("day=2013-01-01,orign=EWR", PartitionKeyError, "did you mean 'origin'"),
        ("day=2013-01-01,day=2013-01-01", PartitionKeyError, "two values for 'day'"),
        ("day=2013-01-01,origin=EWX", UnknownNameError, "did you mean 'EWR'"),
        ("day=2012-12-31,origin=EWR", UnknownNameError, "the first begins at 2013-01-01"),
        ({"day": date(2013, 1, 1)}, ParameterError, "'origin' has no value"),
        ({"day": date(2013, 1, 1), "origin": "EWR", "dest": "x"}, ParameterError, "no dimension 'dest'"),
        ({"day": pd.NaT, "origin": "EWR"}, UnknownNameError, "NaT is no key"),
        (3, PartitionKeyError, "int"),
    ],
)
def test_keys_that_are_refused(key: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        grid.spell_key(key)
