"""A frame comes back as it was saved, or its changes are described, or the column that cannot be saved is named."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbpart.errors import MissingInputError, UnsupportedTypeError
from nbpart.storage.formats import load_file, save_value
from nbpart.storage.store import Store, publish_bytes

SALES = pd.DataFrame({"shop": ["x", "x", "y"], "kind": pd.Categorical(["a", "b", "a"]), "n": [1, 2, 3]})


def typed(values: list[Any], type: pa.DataType) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(values, dtype=pd.ArrowDtype(type))})


def pivot() -> pd.DataFrame:
    return SALES.pivot_table(index="shop", columns="kind", values="n", observed=False)


@pytest.mark.parametrize(
    "make",
    [
        pivot,
        lambda: pivot().reset_index(),
        lambda: pd.DataFrame([[1, 2]], columns=pd.CategoricalIndex(["a", "b"], name="kind")),
        lambda: pd.crosstab(SALES["shop"], SALES["kind"]),
    ],
)
def test_a_header_of_categories_comes_back_as_text(store: Store, make: Callable[[], pd.DataFrame]) -> None:
    frame = make()
    saved = save_value(store, frame, "data/x")
    loaded = load_file(store, saved.path, "frame")
    expected = frame.set_axis(frame.columns.astype("str"), axis="columns")
    pd.testing.assert_frame_equal(loaded, expected)
    pd.testing.assert_frame_equal(pd.read_parquet(store.local_path(saved.path)), expected)


@pytest.mark.parametrize(
    ("values", "type"),
    [
        ([[1, 2], [3], None], pa.list_(pa.int64())),
        ([[1, 2], [3]], pa.large_list(pa.int64())),
        ([{"a": 1}, {"a": 2}], pa.struct([("a", pa.int64())])),
        ([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        (["a", "b"], pa.dictionary(pa.int32(), pa.string())),
        ([b"ab"], pa.binary(2)),
    ],
    ids=str,
)
def test_columns_typed_by_arrow_can_be_read_and_the_change_is_described(
    store: Store, values: list[Any], type: pa.DataType
) -> None:
    saved = save_value(store, typed(values, type), "data/x")
    [change] = saved.changes
    assert "the column 'c' comes back with the dtype object" in change
    for loaded in (load_file(store, saved.path, "frame"), pd.read_parquet(store.local_path(saved.path))):
        plain = [list(v) if hasattr(v, "tolist") else v for v in loaded["c"]]
        assert plain == values


def test_what_pandas_understands_is_kept_unchanged(store: Store) -> None:
    frame = pd.DataFrame(
        {
            "text": pd.array(["a", None], dtype="string"),
            "kind": pd.Categorical(["x", "y"]),
            "at": pd.date_range("2024-03-30", periods=2, tz="Europe/Berlin"),
            "period": pd.period_range("2024", periods=2, freq="M"),
            "n": pd.array([1, None], dtype="Int8"),
            "list": [[1], [2, 3]],
            "price": [decimal.Decimal("1.50"), None],
        },
        index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["i", "j"]),
    )
    saved = save_value(store, frame, "data/x")
    assert saved.changes == ()
    loaded = load_file(store, saved.path, "frame")
    assert [list(value) for value in loaded.pop("list")] == [[1], [2, 3]]
    pd.testing.assert_frame_equal(loaded, frame.drop(columns="list"))


def test_categories_that_parquet_does_not_keep_are_named(store: Store) -> None:
    saved = save_value(store, pd.DataFrame({"c": pd.Categorical([2, 1])}), "data/x")
    assert saved.changes == ("the column 'c' comes back as int64, as Parquet keeps categories of text alone",)
    assert load_file(store, saved.path, "frame")["c"].tolist() == [2, 1]


@pytest.mark.parametrize(
    "notes", ["{broken", "[]", '{"index_columns":["gone"],"columns":[],"column_indexes":[]}', '{"columns":[{}]}']
)
def test_broken_metadata_of_pandas_is_left_out(store: Store, notes: str) -> None:
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": notes, "mine": "stays"})
    saved = save_value(store, table, "data/x")
    assert saved.changes
    assert load_file(store, saved.path, "frame")["a"].tolist() == [1, 2]
    assert pd.read_parquet(store.local_path(saved.path))["a"].tolist() == [1, 2]
    assert pq.read_schema(store.local_path(saved.path)).metadata[b"mine"] == b"stays"


def test_a_file_with_metadata_that_pandas_cannot_read_is_loaded_all_the_same(store: Store) -> None:
    frame = typed([[1], [2]], pa.list_(pa.int64()))
    store.publish("data/x.parquet", lambda place: pq.write_table(pa.Table.from_pandas(frame), place))
    with pytest.raises(TypeError):
        pd.read_parquet(store.local_path("data/x.parquet"))
    assert [list(value) for value in load_file(store, "data/x.parquet", "frame")["c"]] == [[1], [2]]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (pa.table({"good": [1], "far": pa.array([{"t": 2**60}], pa.struct([("t", pa.timestamp("us"))]))}), "far"),
        (pa.table({"good": [1], "empty": pa.array([{}], pa.struct([]))}), "empty"),
        (pa.table({"good": [1], "span": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}), "span"),
        (pd.DataFrame({"good": [1, 2], "part": pd.cut([1, 2], 2)}), "part"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_again_is_refused_by_name(store: Store, table: Any, column: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=f"the column {column!r} of the frame"):
        save_value(store, table, "data/x")
    assert list(store.list("data")) == []


def test_a_damaged_file_is_distinguished_from_metadata_that_cannot_be_read(store: Store) -> None:
    saved = save_value(store, SALES, "data/x")
    publish_bytes(store, saved.path, store.local_path(saved.path).read_bytes()[:-10])
    with pytest.raises(MissingInputError, match="damaged or not whole"):
        load_file(store, saved.path, "frame")


def nest(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


def test_json_that_is_too_deep_or_holds_itself_is_refused_by_name(store: Store) -> None:
    deep = nest(100)
    assert load_file(store, save_value(store, deep, "data/x").path, "json") == deep
    with pytest.raises(UnsupportedTypeError, match=r"more than 200 levels deep at \['a'\]\[0\]\['a'\].{0,80}…"):
        save_value(store, nest(500), "data/y")
    ring: dict[str, Any] = {"name": "ring", "list": []}
    ring["list"].append(ring)
    with pytest.raises(UnsupportedTypeError, match=r"at \['list'\]\[0\] holds itself"):
        save_value(store, ring, "data/y")
    twice = {"a": 1}
    assert load_file(store, save_value(store, [twice, twice], "data/z").path, "json") == [twice, twice]


def test_a_number_that_json_could_not_give_back_is_refused_by_name(store: Store) -> None:
    assert load_file(store, save_value(store, {"n": 10**4000}, "data/x").path, "json") == {"n": 10**4000}
    with pytest.raises(UnsupportedTypeError, match=r"number at \['n'\] has more than 4,000 digits"):
        save_value(store, {"n": 10**5000}, "data/y")
