from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbpart.catalog.relations import AssetSnapshot, Relations
from nbpart.errors import CatalogError, MissingInputError, UnknownNameError

HOSTILE = ["it's", 'a"b', "'; DROP TABLE x; --", "../../etc/passwd", "🦆", "a/b", "%s", "depth=3,lr=0.1"]


def snapshot(
    name: str,
    files: Sequence[tuple[str | None, Path | None, str | None]],
    *,
    params: Mapping[str, Sequence[Any]] | None = None,
    metrics: Mapping[str, Sequence[Any]] | None = None,
    schema: str | None = "same",
    partitioned: bool = True,
) -> AssetSnapshot:
    params, metrics = params or {}, metrics or {}
    columns: dict[str, Any] = {
        "partition_key": pa.array([key for key, _, _ in files], pa.string()),
        "path": pa.array([path and str(path) for _, path, _ in files], pa.string()),
        "format": pa.array([format for _, _, format in files], pa.string()),
        "schema": pa.array([schema] * len(files), pa.string()),
    }
    columns |= {f"param_{n}": pa.array(values) for n, values in enumerate(params.values())}
    columns |= {f"metric_{n}": pa.array(values) for n, values in enumerate(metrics.values())}
    return AssetSnapshot(name, partitioned, tuple(params), tuple(metrics), pa.table(columns))


def frame_at(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def finder(*snapshots: AssetSnapshot) -> Callable[[Sequence[str]], Mapping[str, AssetSnapshot]]:
    by_name = {s.name.lower(): s for s in snapshots}
    return lambda names: {n: by_name[n.lower()] for n in names if n.lower() in by_name}


@pytest.fixture
def relations() -> Any:
    relations = Relations()
    yield relations
    relations.close()


def test_a_table_has_key_parameters_metrics_then_data(relations: Relations, tmp_path: Path) -> None:
    files = [(key, frame_at(tmp_path / f"{n}.parquet", x=[n, n]), "frame") for n, key in enumerate("ab")]
    table = relations.table(snapshot("t", files, params={"depth": [3, 5]}, metrics={"accuracy": [0.5, None]}))
    assert table.columns == ["partition_key", "depth", "accuracy", "x"]
    assert sorted(table.fetchall()) == [("a", 3, 0.5, 0), ("a", 3, 0.5, 0), ("b", 5, None, 1), ("b", 5, None, 1)]


def test_the_datas_column_wins_but_never_over_the_key(relations: Relations, tmp_path: Path) -> None:
    path = frame_at(tmp_path / "x.parquet", Depth=["data"], partition_key=["mine"], partition_key_1=["too"])
    table = relations.table(snapshot("t", [("k", path, "frame")], params={"depth": [3]}))
    assert table.columns == ["partition_key", "Depth", "partition_key_2", "partition_key_1"]
    assert table.fetchall() == [("k", "data", "mine", "too")]


def test_an_unpartitioned_asset_has_its_own_columns_only(relations: Relations, tmp_path: Path) -> None:
    path = frame_at(tmp_path / "x.parquet", partition_key=["mine"], filename=["f"])
    table = relations.table(snapshot("t", [(None, path, "frame")], partitioned=False))
    assert table.columns == ["partition_key", "filename"]
    assert table.fetchall() == [("mine", "f")]


@pytest.mark.parametrize("schema", ["same", None])
def test_hostile_keys_and_paths(relations: Relations, tmp_path: Path, schema: str | None) -> None:
    folder = tmp_path / "it's a [dir] *?" / "depth=3"
    files = [(key, frame_at(folder / f"{n}.parquet", x=[n]), "frame") for n, key in enumerate(HOSTILE)]
    frame_at(tmp_path / "it's a d *?" / "depth=3" / "0.parquet", x=[99])
    table = relations.table(snapshot("t", files, schema=schema))
    assert table.columns == ["partition_key", "x"]
    assert dict(table.fetchall()) == {key: n for n, key in enumerate(HOSTILE)}


@pytest.mark.parametrize("name", ["select", "table", "Group", "processed_files"])
def test_names_may_be_reserved_words(relations: Relations, tmp_path: Path, name: str) -> None:
    asset = snapshot(name, [("a", frame_at(tmp_path / "x.parquet", x=[1]), "frame")])
    assert relations.sql(f'FROM "{name}" SELECT sum(x)', finder(asset)).fetchall() == [(1,)]


def test_different_columns_are_joined_by_name(relations: Relations, tmp_path: Path) -> None:
    files: list[tuple[str, Path, str]] = [
        ("a", frame_at(tmp_path / "a.parquet", x=[1]), "frame"),
        ("b", frame_at(tmp_path / "b.parquet", x=["text"], y=[2]), "frame"),
    ]
    asset = snapshot("t", files, schema=None)
    assert sorted(relations.table(asset).fetchall()) == [("a", "1", None), ("b", "text", 2)]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_values_of_every_format(relations: Relations, tmp_path: Path) -> None:
    as_json = snapshot("j", [("a", written(tmp_path / "a.json", b'{"n": NaN, "m": [1, 2]}'), "json")])
    assert relations.sql("SELECT value->'m'->>1 FROM j", finder(as_json)).fetchall() == [("2",)]
    assert relations.table(as_json).types == ["VARCHAR", "JSON"]
    text = snapshot("t", [("a", written(tmp_path / "a.txt", "é\n".encode()), "text")])
    assert relations.table(text).fetchall() == [("a", "é\n")]
    raw = snapshot("b", [("a", written(tmp_path / "a.bin", b"\xff\x00"), "bytes")])
    assert relations.table(raw).fetchall() == [("a", b"\xff\x00")]
    figure = snapshot("f", [("a", tmp_path / "a.png", "figure")])
    assert relations.table(figure).fetchall() == [("a", str(tmp_path / "a.png"))]


def test_mixed_formats_are_one_table(relations: Relations, tmp_path: Path) -> None:
    as_json = ("a", written(tmp_path / "a.json", b"[1]"), "json")
    text = ("b", written(tmp_path / "b.txt", "é".encode()), "text")
    raw = ("c", written(tmp_path / "c.bin", b"\xff"), "bytes")
    nothing = ("d", None, None)
    found = relations.table(snapshot("m", [as_json, text, nothing])).fetchall()
    assert sorted(found) == [("a", "[1]"), ("b", "é"), ("d", None)]
    found = relations.table(snapshot("m", [as_json, text, raw])).fetchall()
    assert sorted(found) == [("a", b"[1]"), ("b", "é".encode()), ("c", b"\xff")]


def test_what_saved_nothing_has_key_parameters_and_metrics(relations: Relations) -> None:
    asset = snapshot("n", [("a", None, None)], params={"lr": [0.1]}, metrics={"loss": [2.0]})
    table = relations.table(asset)
    assert (table.columns, table.fetchall()) == (["partition_key", "lr", "loss"], [("a", 0.1, 2.0)])


def test_a_metric_stands_beside_a_column_of_its_name(relations: Relations, tmp_path: Path) -> None:
    pd.DataFrame({"loss": [1.0], "x": [1]}).to_parquet(tmp_path / "a.parquet")
    asset = snapshot("m", [("a", tmp_path / "a.parquet", "frame")], metrics={"Loss": [2.0], "acc": [0.5]})
    table = relations.table(asset)
    assert (table.columns, table.fetchall()) == (
        ["partition_key", "metric.Loss", "acc", "loss", "x"],
        [("a", 2.0, 0.5, 1.0, 1)],
    )


def test_no_partition_yet_is_an_empty_table(relations: Relations) -> None:
    table = relations.table(snapshot("n", []))
    assert (table.columns, table.fetchall()) == (["partition_key"], [])
    assert relations.table(snapshot("n", [], partitioned=False)).fetchall() == []


def test_a_vanished_file_names_asset_and_key(relations: Relations, tmp_path: Path) -> None:
    asset = snapshot("model", [("k 1", tmp_path / "gone.parquet", "frame")])
    with pytest.raises(MissingInputError, match=r"'model'.*'k 1'"):
        relations.table(asset)


def test_a_held_relation_keeps_its_snapshot(relations: Relations, tmp_path: Path) -> None:
    def asset(n: int) -> AssetSnapshot:
        return snapshot("t", [("a", frame_at(tmp_path / f"{n}.parquet", x=[n]), "frame")])

    held = relations.sql("SELECT x FROM t", finder(asset(1)))
    held_table = relations.table(asset(1))
    later = relations.sql("SELECT x FROM t", finder(asset(2)))
    relations.close()
    assert (held.fetchall(), later.fetchall(), held.fetchall()) == ([(1,)], [(2,)], [(1,)])
    assert held_table.filter("x = 1").aggregate("count(*)").fetchall() == [(1,)]
    with pytest.raises(CatalogError, match="closed"):
        relations.table(asset(1))


def test_threads_query_at_once(relations: Relations, tmp_path: Path) -> None:
    results: dict[int, list[Any]] = {}
    gate = threading.Barrier(4)

    def work(n: int) -> None:
        asset = snapshot("t", [("a", frame_at(tmp_path / f"{n}.parquet", x=[n]), "frame")])
        gate.wait()
        results[n] = [relations.sql("SELECT sum(x) FROM t, range(20000)", finder(asset)).fetchall() for _ in range(5)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [[(n * 20000,)]] * 5 for n in range(4)}


def test_sql_joins_assets_whatever_the_statement(relations: Relations, tmp_path: Path) -> None:
    left = snapshot("left_one", [("a", frame_at(tmp_path / "l.parquet", x=[1]), "frame")])
    right = snapshot("right_one", [("a", written(tmp_path / "r.txt", b"r"), "text")])
    find = finder(left, right)
    joined = "SELECT x, value FROM left_one JOIN RIGHT_ONE USING (partition_key)"
    assert relations.sql(joined, find).fetchall() == [(1, "r")]
    pivoted = relations.sql("PIVOT left_one ON partition_key USING sum(x)", find).fetchall()
    assert pivoted == [(1,)]
    assert relations.sql("WITH c AS (FROM left_one) SELECT count(*) FROM c", find).fetchall() == [(1,)]
    assert len(relations.sql("SELECT 1 AS one; SELECT x FROM left_one", find).fetchall()) == 1
    assert relations.sql("SELECT 42", find).fetchall() == [(42,)]


def test_find_is_asked_once_for_all_names(relations: Relations, tmp_path: Path) -> None:
    asked = []
    asset = snapshot("a_1", [("a", written(tmp_path / "r.txt", b"r"), "text")])

    def find(names: Sequence[str]) -> Mapping[str, AssetSnapshot]:
        asked.append(sorted(names))
        return dict.fromkeys(names, asset)

    relations.sql("SELECT * FROM a_1 x, a_2 y, A_1 z", find).fetchall()
    assert len(asked) == 1
    assert [name.lower() for name in asked[0]] == ["a_1", "a_2"]


def test_an_unknown_table_is_named(relations: Relations) -> None:
    mine = pd.DataFrame({"a": [1]})
    assert len(mine) == 1
    with pytest.raises(UnknownNameError, match="'mine'"):
        relations.sql("SELECT * FROM mine", lambda names: {})


def test_a_statement_without_rows_says_that_it_is_done(relations: Relations, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = relations.sql(f"COPY (SELECT 1 AS a) TO '{out}'", lambda names: {})
    assert done is not None
    assert json.loads(out.read_text()) == {"a": 1}
