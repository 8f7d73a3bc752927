from __future__ import annotations

import datetime
import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import MissingInputError, UnsupportedTypeError
from nbpart.storage.formats import load_file, save_value

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


def round_trip(value: Any, folder: Path) -> Any:
    saved = save_value(value, folder / "run-1")
    assert saved.path.exists()
    assert saved.bytes == saved.path.stat().st_size
    return load_file(saved.path, saved.format)


@given(value=st.lists(_json) | st.dictionaries(st.text(st.characters(codec="utf-8")), _json))
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    assert round_trip(value, tmp_path_factory.getbasetemp()) == value


@given(value=st.text(st.characters(codec="utf-8")) | st.binary())
def test_text_and_bytes_round_trip(tmp_path_factory: pytest.TempPathFactory, value: str | bytes) -> None:
    assert round_trip(value, tmp_path_factory.getbasetemp()) == value


def test_numpy_and_enum_scalars_become_plain(tmp_path: Path) -> None:
    color = enum.IntEnum("color", ["RED"]).RED
    value = {"i": np.int64(3), "f": np.float64(0.5), "g": np.float32(0.5), "b": np.bool_(True), "e": color, "t": (1, 2)}
    loaded = round_trip(value, tmp_path)
    assert loaded == {"i": 3, "f": 0.5, "g": 0.5, "b": True, "e": 1, "t": [1, 2]}
    assert loaded["b"] is True


def test_version_of_a_dict_ignores_the_order_of_keys(tmp_path: Path) -> None:
    first = save_value({"a": 1, "b": 2}, tmp_path / "1")
    second = save_value({"b": 2, "a": 1}, tmp_path / "2")
    other = save_value({"b": 2, "a": 3}, tmp_path / "3")
    assert first.data_version == second.data_version != other.data_version
    assert list(load_file(second.path, "json")) == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": {1: 2}}, r"at \['a'\].*key 1.*str\(1\)"),
        ({"a": [datetime.date(2024, 1, 1)]}, r"\['a'\]\[0\].*datetime.date"),
        ({"a": {1, 2}}, r"set"),
        (None, "need not call save"),
        (3.5, r"run.log\(name=value\)"),
        ({3}, r"sorted\(value\)"),
        (np.zeros(3), "pandas.DataFrame"),
        (object(), "output_path"),
        ("\ud800", "UTF-8"),
        (pd.DataFrame({1: [1], "a": [2]}), r"not text \(1\)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' more than once"),
        (pd.DataFrame({"a": [1, "x"]}), "column"),
    ],
)
def test_what_cannot_be_saved_is_explained(tmp_path: Path, value: Any, words: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=words):
        save_value(value, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_frame_round_trip(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "text": ["a", None],
            "at": pd.to_datetime(["2024-05-01", "2024-05-02"], utc=True),
            "kind": pd.Categorical(["x", "y"]),
        }
    )
    pd.testing.assert_frame_equal(round_trip(frame, tmp_path), frame)
    indexed = frame.set_index(pd.Index(["p", "q"], name="key"))
    pd.testing.assert_frame_equal(round_trip(indexed, tmp_path), indexed)


def test_frame_record(tmp_path: Path) -> None:
    saved = save_value(pd.DataFrame({"a": [1, 2, 3]}), tmp_path / "run.2-1")
    assert saved.path == tmp_path / "run.2-1.parquet"
    assert (saved.format, saved.kind, saved.rows) == ("frame", "file", 3)
    assert json.loads(saved.schema or "") == [["a", "int64"]]


def test_equal_frames_have_equal_versions(tmp_path: Path) -> None:
    first = save_value(pd.DataFrame({"a": range(10_000)}), tmp_path / "1")
    second = save_value(pd.DataFrame({"a": range(10_000)}), tmp_path / "2")
    other = save_value(pd.DataFrame({"a": range(1, 10_001)}), tmp_path / "3")
    assert first.data_version == second.data_version != other.data_version


def test_series_and_tables_load_as_frames(tmp_path: Path) -> None:
    assert list(round_trip(pd.Series([1, 2]), tmp_path).columns) == ["value"]
    assert list(round_trip(pd.Series([1, 2], name="x"), tmp_path).columns) == ["x"]
    assert round_trip(pa.table({"a": [1, 2]}), tmp_path)["a"].tolist() == [1, 2]


def test_folder_names_with_equal_signs_add_no_columns(tmp_path: Path) -> None:
    folder = tmp_path / "lr=0.1"
    folder.mkdir()
    assert list(round_trip(pd.DataFrame({"a": [1]}), folder).columns) == ["a"]


def test_figures(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    def draw() -> Figure:
        figure = Figure()
        figure.subplots().plot([1, 2, 3])
        return figure

    saved = save_value(draw(), tmp_path / "1")
    again = save_value(draw().axes[0], tmp_path / "2")
    assert saved.path.read_bytes().startswith(b"\x89PNG")
    assert saved.data_version == again.data_version
    assert load_file(saved.path, "figure").data == saved.path.read_bytes()


def test_plotly(tmp_path: Path) -> None:
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    saved = save_value(figure, tmp_path / "1")
    assert saved.path.name == "1.plotly.json"
    assert load_file(saved.path, saved.format) == figure


def test_a_path_is_recorded_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"abc")
    saved = save_value(path, tmp_path / "run-1")
    assert (saved.path, saved.format, saved.bytes) == (path, "file", 3)
    assert load_file(path, "file") == path
    with pytest.raises(MissingInputError, match="no file"):
        save_value(tmp_path / "none", tmp_path / "run-1")
    with pytest.raises(MissingInputError, match="no file"):
        save_value(tmp_path, tmp_path / "run-1")


def test_load_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is gone"):
        load_file(tmp_path / "x.json", "json")
    (tmp_path / "x").touch()
    with pytest.raises(UnsupportedTypeError, match="'hdf'"):
        load_file(tmp_path / "x", "hdf")
