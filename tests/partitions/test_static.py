from __future__ import annotations

import pickle
from datetime import date, datetime
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import Column, ColumnSource, Kind, StaticPartitions

regions = StaticPartitions(["north", "south"])
folds = StaticPartitions(range(12), name="folds", column="fold")


def test_attributes() -> None:
    assert (regions.kind, regions.keys, regions.parameters) == ("static", ("north", "south"), None)
    assert StaticPartitions(["a"], name="letters").set_name == "letters"
    assert "north" in regions
    assert "east" not in regions
    assert (regions.columns, regions.value_column, regions.attributes, regions.parts) == ((), None, None, ())


@given(st.lists(st.text("abc", min_size=1, max_size=3), unique=True, min_size=1), st.randoms(use_true_random=False))
def test_the_name_of_an_unnamed_list_is_its_content(keys: list[str], random: Any) -> None:
    shuffled = random.sample(keys, len(keys))
    assert StaticPartitions(keys).set_name == StaticPartitions(shuffled).set_name
    assert StaticPartitions(keys).set_name != StaticPartitions([*keys, "new"]).set_name
    assert StaticPartitions(keys).set_name != StaticPartitions(keys, column="letter").set_name
    assert StaticPartitions(shuffled).keys == tuple(shuffled)


def test_the_name_of_an_unnamed_list_never_changes() -> None:
    assert regions.set_name == "static-2d6425004efe"


def test_lists_of_other_values_have_other_names() -> None:
    lists = [StaticPartitions(["1"]), StaticPartitions(["1"], column="n"), StaticPartitions([1], column="n")]
    assert len({one.set_name for one in lists}) == 3


def test_typed_keys_are_texts_with_a_column() -> None:
    assert folds.keys == tuple(map(str, range(12)))
    assert folds.values == tuple(range(12))
    assert folds.columns == (Column("fold", Kind.INT, ColumnSource.KEY),)
    assert folds.value_column == folds.columns[0]
    assert sorted(folds.keys, key=dict(zip(folds.keys, folds.values, strict=True)).get)[-2:] == ["10", "11"]  # type: ignore[arg-type]


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@pytest.mark.parametrize(
    ("given", "kind", "keys", "values"),
    [
        (["b", "a"], Kind.STR, ("b", "a"), ("b", "a")),
        (["a,b=c%/d", "null"], Kind.STR, ("a,b=c%/d", "null"), ("a,b=c%/d", "null")),
        ([0.5, 2], Kind.FLOAT, ("0.5", "2.0"), (0.5, 2.0)),
        (np.array([2, 10]), Kind.INT, ("2", "10"), (2, 10)),
        (np.linspace(0, 1, 3), Kind.FLOAT, ("0.0", "0.5", "1.0"), (0.0, 0.5, 1.0)),
        (np.array(["x", "y"]), Kind.STR, ("x", "y"), ("x", "y")),
        ([False, True], Kind.BOOL, ("false", "true"), (False, True)),
        ([date(2013, 1, 1)], Kind.DATE, ("2013-01-01",), (date(2013, 1, 1),)),
        (np.array(["2013-01-01"], "datetime64[D]"), Kind.DATE, ("2013-01-01",), (date(2013, 1, 1),)),
        (pd.date_range("2013-01-01", periods=1), Kind.DATETIME, ("2013-01-01T00:00:00",), (datetime(2013, 1, 1),)),
        (Level, Kind.INT, ("1", "2"), (1, 2)),
    ],
    ids=repr,
)
def test_values_of_every_kind(given: Any, kind: Kind, keys: tuple[str, ...], values: tuple[object, ...]) -> None:
    made = StaticPartitions(given, column="x")
    assert (made.value_kind, made.keys, made.values) == (kind, keys, values)
    assert [type(value) for value in made.values] == [type(value) for value in values]
    assert [made.spell_key(one) for one in given] == list(keys)
    assert [made.spell_key(one) for one in keys] == list(keys)
    assert [made.spell_key({"x": one}) for one in values] == list(keys)


def test_equal_values_are_one_key() -> None:
    for same in (3, "3", "03", " 3", np.int64(3), {"fold": 3}):
        assert folds.spell_key(same) == "3"


def test_a_definition_is_frozen_hashable_and_survives_pickling() -> None:
    for definition in (regions, folds):
        assert pickle.loads(pickle.dumps(definition)) == definition  # noqa: S301
        assert hash(definition) == hash(pickle.loads(pickle.dumps(definition)))  # noqa: S301
        with pytest.raises(AttributeError):
            definition.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StaticPartitions(["a", "b", "a"]), "'a' twice"),
        (lambda: StaticPartitions([]), "DynamicPartitions"),
        (lambda: StaticPartitions([], column="x"), "DynamicPartitions"),
        (lambda: StaticPartitions("abc"), "list of keys, not 'abc'"),
        (lambda: StaticPartitions(3), "list of keys, not 3"),  # type: ignore[arg-type]
        (lambda: StaticPartitions(["a"], name=""), "name"),
        (lambda: StaticPartitions(["a"], name="static-1"), "static-1"),
        (lambda: StaticPartitions(["a"], name="product-1"), "product-1"),
        (lambda: StaticPartitions([1, 1.0], column="x"), "'1.0' twice"),
        (lambda: StaticPartitions([1, "1"], column="x"), "several types, int, str"),
        (lambda: StaticPartitions([1, True], column="x"), "several types, bool, int"),
        (lambda: StaticPartitions([None], column="x"), "NoneType"),
        (lambda: StaticPartitions([(1, 2)], column="x"), "type list"),
        (lambda: StaticPartitions([object()], column="x"), "of type object"),
        (lambda: StaticPartitions([1], column="window_start"), "meaning already"),
        (lambda: StaticPartitions([1], column="a b"), "identifier"),
        (lambda: StaticPartitions([float("nan")], column="x"), "nan"),
    ],
)
def test_declarations_that_are_refused(make: Any, says: str) -> None:
    with pytest.raises((DeclarationError, PartitionKeyError), match=says):
        make()


@pytest.mark.parametrize("keys", [["a", ""], ["a", None], ["a\tb"], range(3)], ids=repr)
def test_a_key_that_cannot_be_one_is_refused(keys: Any) -> None:
    with pytest.raises(PartitionKeyError):
        StaticPartitions(keys)


def test_numbers_without_a_column_are_told_of_it() -> None:
    with pytest.raises(PartitionKeyError, match="column="):
        StaticPartitions(range(3))


@pytest.mark.parametrize(
    ("definition", "key", "error", "says"),
    [
        (regions, "nroth", UnknownNameError, "did you mean 'north'"),
        (regions, {"x": 1}, ParameterError, "no parameters"),
        (folds, 12, UnknownNameError, "'12' is no key of .*folds"),
        (folds, "x", PartitionKeyError, "Partitions 'folds': The keys in 'fold' are of type int, not 'x'"),
        (folds, 1.5, PartitionKeyError, "of type int"),
        (folds, {"depth": 3}, ParameterError, "depth"),
    ],
)
def test_keys_that_are_refused(definition: StaticPartitions, key: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        definition.spell_key(key)
