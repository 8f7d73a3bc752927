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

from nbpart.errors import MissingInputError, OutsideWorkspaceError, UnsupportedTypeError
from nbpart.storage.formats import load_file, save_file, save_value
from nbpart.storage.store import Store, publish_bytes
from tests.storage.stores import make_local

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


def round_trip(value: Any, store: Store) -> Any:
    saved = save_value(store, value, "data/run-1")
    stored = store.stat(saved.path)
    assert stored is not None
    assert saved.bytes == stored.bytes
    return load_file(store, saved.path, saved.format)


@given(value=st.lists(_json) | st.dictionaries(st.text(st.characters(codec="utf-8")), _json))
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    assert round_trip(value, make_local(tmp_path_factory.getbasetemp())) == value


@given(value=st.text(st.characters(codec="utf-8")) | st.binary())
def test_text_and_bytes_round_trip(tmp_path_factory: pytest.TempPathFactory, value: str | bytes) -> None:
    assert round_trip(value, make_local(tmp_path_factory.getbasetemp())) == value


def test_numpy_and_enum_scalars_become_plain(store: Store) -> None:
    color = enum.IntEnum("color", ["RED"]).RED
    value = {"i": np.int64(3), "f": np.float64(0.5), "g": np.float32(0.5), "b": np.bool_(True), "e": color, "t": (1, 2)}
    loaded = round_trip(value, store)
    assert loaded == {"i": 3, "f": 0.5, "g": 0.5, "b": True, "e": 1, "t": [1, 2]}
    assert loaded["b"] is True


def test_arrays_come_back_with_shape_and_type(store: Store) -> None:
    for value in (np.arange(6, dtype="int16").reshape(2, 3), np.array(["2024-05-01"], dtype="M8[D]"), np.zeros(0)):
        loaded = round_trip(value, store)
        assert (loaded.dtype, loaded.shape, loaded.tolist()) == (value.dtype, value.shape, value.tolist())
    versions = [save_value(store, np.zeros(3), f"data/{name}").data_version for name in "ab"]
    assert versions[0] == versions[1]


def test_version_of_a_dict_ignores_the_order_of_keys(store: Store) -> None:
    first = save_value(store, {"a": 1, "b": 2}, "data/1")
    second = save_value(store, {"b": 2, "a": 1}, "data/2")
    other = save_value(store, {"b": 2, "a": 3}, "data/3")
    assert first.data_version == second.data_version != other.data_version
    assert list(load_file(store, second.path, "json")) == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": {1: 2}}, r"at \['a'\].*key 1.*str\(1\)"),
        ({"a": [datetime.date(2024, 1, 1)]}, r"\['a'\]\[0\].*datetime.date"),
        ({"a": {1, 2}}, r"set"),
        (None, "need not call save"),
        (3.5, r"run.log\(name=value\)"),
        ({3}, r"sorted\(value\)"),
        (np.array([object()]), "an array of objects"),
        (object(), "output_path"),
        ("\ud800", "UTF-8"),
        (pd.DataFrame({1: [1], "a": [2]}), r"not text \(1\)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' more than once"),
        (pd.DataFrame({"a": [1, "x"]}), "column"),
    ],
)
def test_what_cannot_be_saved_is_explained(store: Store, value: Any, words: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=words):
        save_value(store, value, "data/x")
    assert list(store.list("data")) == []


def test_frame_round_trip(store: Store) -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "text": ["a", None],
            "at": pd.to_datetime(["2024-05-01", "2024-05-02"], utc=True),
            "kind": pd.Categorical(["x", "y"]),
        }
    )
    pd.testing.assert_frame_equal(round_trip(frame, store), frame)
    indexed = frame.set_index(pd.Index(["p", "q"], name="key"))
    pd.testing.assert_frame_equal(round_trip(indexed, store), indexed)


def test_what_is_recorded_of_a_saved_frame(store: Store) -> None:
    saved = save_value(store, pd.DataFrame({"a": [1, 2, 3]}), "data/run.2-1")
    assert saved.path == "data/run.2-1.parquet"
    assert (saved.format, saved.kind, saved.rows) == ("frame", "file", 3)
    assert json.loads(saved.schema or "") == [["a", "int64"]]


def test_equal_frames_have_equal_versions(store: Store) -> None:
    first = save_value(store, pd.DataFrame({"a": range(10_000)}), "data/1")
    second = save_value(store, pd.DataFrame({"a": range(10_000)}), "data/2")
    other = save_value(store, pd.DataFrame({"a": range(1, 10_001)}), "data/3")
    assert first.data_version == second.data_version != other.data_version


def test_series_and_tables_load_as_frames(store: Store) -> None:
    assert list(round_trip(pd.Series([1, 2]), store).columns) == ["value"]
    assert list(round_trip(pd.Series([1, 2], name="x"), store).columns) == ["x"]
    assert round_trip(pa.table({"a": [1, 2]}), store)["a"].tolist() == [1, 2]


def test_folder_names_with_equal_signs_add_no_columns(store: Store) -> None:
    saved = save_value(store, pd.DataFrame({"a": [1]}), "data/lr=0.1/run-1")
    assert list(load_file(store, saved.path, "frame").columns) == ["a"]


def test_figures_of_matplotlib_are_saved_as_pictures(store: Store) -> None:
    from matplotlib.figure import Figure

    def draw() -> Figure:
        figure = Figure()
        figure.subplots().plot([1, 2, 3])
        return figure

    saved = save_value(store, draw(), "data/1")
    again = save_value(store, draw().axes[0], "data/2")
    with store.read(saved.path) as file:
        content = file.read()
    assert content.startswith(b"\x89PNG")
    assert saved.data_version == again.data_version
    assert load_file(store, saved.path, "figure").data == content


def test_figures_of_plotly_are_saved_and_loaded(store: Store) -> None:
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    saved = save_value(store, figure, "data/1")
    assert saved.path == "data/1.plotly.json"
    assert load_file(store, saved.path, saved.format) == figure


def test_a_file_of_a_program_is_stored_and_loads_as_a_path(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"abc")
    saved = save_file(store, "data/run-1.model.bin", path)
    assert (saved.path, saved.format, saved.bytes) == ("data/run-1.model.bin", "file", 3)
    path.unlink()
    loaded = load_file(store, saved.path, "file")
    assert (loaded.name, loaded.read_bytes()) == ("run-1.model.bin", b"abc")
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(MissingInputError, match="no file"):
            save_file(store, "data/x", missing)


def test_a_file_that_a_program_wrote_in_its_place_is_not_copied(tmp_path: Path) -> None:
    local = make_local(tmp_path)
    draft = local.draft_path("data/run-1.model.bin")
    draft.write_bytes(b"abc")
    before = draft.stat().st_ino
    assert load_file(local, save_file(local, "data/run-1.model.bin", draft).path, "file") == draft
    assert draft.stat().st_ino == before


@pytest.mark.parametrize(
    "value", [{"a": 1}, "text", b"bytes", pd.DataFrame({"a": [1]})], ids=lambda v: type(v).__name__
)
def test_only_files_of_the_run_itself_are_replaced(store: Store, value: Any) -> None:
    first = save_value(store, value, "data/x", own=())
    with pytest.raises(FileExistsError):
        save_value(store, value, "data/x", own=())
    assert save_value(store, value, "data/x", own={first.path}) == first


@pytest.mark.parametrize("format", ["json", "text", "bytes", "frame", "figure", "plotly", "file"])
def test_load_names_what_is_wrong(store: Store, format: str) -> None:
    with pytest.raises(MissingInputError, match="is gone"):
        load_file(store, "data/x.json", format)
    publish_bytes(store, "data/x", b"")
    with pytest.raises(UnsupportedTypeError, match="'hdf'"):
        load_file(store, "data/x", "hdf")


@pytest.mark.parametrize("format", ["json", "frame", "file"])
def test_what_is_outside_is_refused_by_its_name(store: Store, format: str) -> None:
    with pytest.raises(OutsideWorkspaceError, match="not inside"):
        load_file(store, "../x", format)
