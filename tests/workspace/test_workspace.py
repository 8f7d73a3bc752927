"""What the reading methods of `Workspace` return, without a kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart import CatalogError, DeclarationError, MissingInputError, UnknownNameError
from tests.recording import record


def frames(partition_key: str) -> pd.DataFrame:
    return pd.DataFrame()


def dicts(partition_key: str) -> dict[str, int]:
    return {}


def text(frames: Any) -> str:
    return ""


STATUSES = ["missing", "queued", "running", "materialized", "failed", "stale"]


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    files = ws.dynamic_partitions("files")
    files.add("a", "b", "it's")
    for function in (frames, dicts):
        ws.asset(function, partitions=files)
    ws.asset(text)
    return ws


def test_status_counts_an_asset_a_row(ws: nbpart.Workspace) -> None:
    record(ws, "frames", "a", pd.DataFrame({"x": [1]}))
    status = ws.status()
    assert list(status.index) == ["frames", "dicts", "text"]
    assert status.index.name == "asset"
    assert list(status.columns) == STATUSES
    assert status.loc["frames"].to_dict() == dict.fromkeys(STATUSES, 0) | {"missing": 2, "materialized": 1}
    assert set(status.dtypes.astype(str)) == {"int64"}
    assert status.loc["text", "missing"] == 1


def test_partition_status_has_a_partition_a_row_then_parameters_and_metrics(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    trials.add({"lr": 0.1, "depth": 3}, {"lr": 0.2, "depth": 3})

    def train(lr: float) -> None: ...

    ws.asset(train, partitions=trials)
    record(ws, "train", {"lr": 0.2, "depth": 3}, {"w": 1}, accuracy=0.9, best=True, note="ok")
    frame = ws.partition_status("train")
    assert list(frame.columns) == [
        "partition_key", "status", "reason", "error", "late", "checks", "stopped_early", "run_id", "materialized_at",
        "duration_s", "rows", "bytes", "depth", "lr", "accuracy", "best", "note",
    ]  # fmt: skip
    assert frame.partition_key.tolist() == ["depth=3,lr=0.1", "depth=3,lr=0.2"]
    assert frame.status.tolist() == ["missing", "materialized"]
    assert all(type(status) is str for status in frame.status)
    assert frame.run_id[0] is None
    row = frame.iloc[1]
    assert (row.depth, row.lr, row.accuracy, row.note) == (3, 0.2, 0.9, "ok")
    assert str(row.materialized_at.tz) == "UTC"
    assert ws.get_run(row.run_id).partition_key == "depth=3,lr=0.2"
    whole = ws.partition_status("text")
    assert whole.partition_key.tolist() == [None]


def test_runs_newest_first(ws: nbpart.Workspace) -> None:
    for key in ("a", "b", "a"):
        record(ws, "frames", key, pd.DataFrame({"x": [1]}))
    record(ws, "dicts", "a", {})
    runs = ws.runs()
    assert list(runs.columns) == [
        "run_id", "asset", "partition_key", "status", "attempt", "backfill_id", "started_at", "duration_s", "error",
    ]  # fmt: skip
    assert runs.asset.tolist() == ["dicts", "frames", "frames", "frames"]
    assert runs.run_id.is_monotonic_decreasing
    assert runs.status.tolist() == ["succeeded"] * 4
    assert ws.runs("frames", "a").partition_key.tolist() == ["a", "a"]
    assert ws.runs(asset="frames", partition_key="nowhere").empty
    assert len(ws.runs(limit=2)) == 2
    with pytest.raises(DeclarationError, match="need the asset too"):
        ws.runs(partition_key="a")
    with pytest.raises(UnknownNameError, match="'frame'; did you mean 'frames'"):
        ws.runs("frame")
    with pytest.raises(UnknownNameError, match="no backfill 'x'"):
        ws.runs(backfill="x")
    with pytest.raises(UnknownNameError, match="no run 'x'"):
        ws.get_run("x")


def test_load_returns_current_data_or_that_of_a_run(ws: nbpart.Workspace) -> None:
    for n in (1, 2):
        record(ws, "dicts", "a", {"n": n})
    older, newer = ws.runs("dicts", "a").run_id[::-1]
    assert ws.load("dicts", "a") == {"n": 2}
    assert ws.load("dicts", "a", run=older) == ws.load("dicts", run=older) == {"n": 1}
    assert ws.load("dicts", "a", run=ws.get_run(newer)) == {"n": 2}
    with pytest.raises(MissingInputError, match=f"run {older} made no data of dicts/b: it is a run of dicts/a"):
        ws.load("dicts", "b", run=older)
    with pytest.raises(MissingInputError, match="it is a run of dicts/a"):
        ws.load("frames", "a", run=older)
    with pytest.raises(MissingInputError, match="dicts/b was not materialized yet; run it with"):
        ws.load("dicts", "b")
    with pytest.raises(UnknownNameError, match="'dicts' has no partition 'c'"):
        ws.load("dicts", "c")
    with pytest.raises(DeclarationError, match="'dicts' is partitioned by 'files': give a partition_key"):
        ws.load("dicts")
    with pytest.raises(DeclarationError, match="'text' has no partitions"):
        ws.load("text", "a")
    with pytest.raises(UnknownNameError, match="no run 'x'"):
        ws.load("dicts", "a", run="x")


def test_loading_deleted_data_says_so(ws: nbpart.Workspace) -> None:
    record(ws, "dicts", "a", {"n": 1})
    for path in (ws.root / "data").rglob("*.json"):
        path.unlink()
    with pytest.raises(MissingInputError, match="gone"):
        ws.table("dicts")
    for _ in range(2):
        with pytest.raises(MissingInputError, match="the data of dicts/a is gone"):
            ws.load("dicts", "a")
    assert ws.partition_status("dicts")["status"].tolist()[0] == "missing"
    assert len(ws.table("dicts")) == 0


def test_tables_of_every_kind(ws: nbpart.Workspace) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    record(ws, "frames", "a", pd.DataFrame({"x": [1, 2], "partition_key": ["p", "q"]}), size=2)
    record(ws, "frames", "it's", pd.DataFrame({"x": [3], "partition_key": ["r"]}))
    record(ws, "dicts", "a", {"n": 1})
    record(ws, "text", None, "hello")
    table = ws.table("frames").order("partition_key, x").df()  # a relation has no order of its own
    assert table.partition_key.tolist() == ["a", "a", "it's"]
    assert table.partition_key_1.tolist() == ["p", "q", "r"]
    assert table["size"].tolist()[:2] == [2, 2]
    assert ws.sql("select sum(x) from frames where partition_key = 'a'").fetchall() == [(3,)]
    assert ws.sql(
        "select f.x, d.value->>'n' from frames f join dicts d using (partition_key) order by 1"
    ).fetchall() == [
        (1, "1"),
        (2, "1"),
    ]
    assert ws.sql("select value from text").fetchall() == [("hello",)]
    for name, value, expected in [("raw", b"\x00\x01", b"\x00\x01"), ("nothing", None, None)]:
        ws.asset(text, name=name)
        record(ws, name, None, value, score=3)
        row = ws.sql(f"select * from {name}").df().iloc[0]  # noqa: S608  names of this test
        assert row["score"] == 3
        assert ("value" not in row.index) == (value is None)
        assert value is None or bytes(row["value"]) == expected
    ws.asset(text, name="drawing")
    record(ws, "drawing", None, pyplot.figure())
    assert ws.sql("select value from drawing").fetchall()[0][0].endswith(".png")
    with pytest.raises(UnknownNameError, match="'nosuch'"):
        ws.sql("select * from nosuch")


def test_a_relation_does_not_change_with_the_data(ws: nbpart.Workspace) -> None:
    record(ws, "dicts", "a", {"n": 1})
    held = ws.table("dicts")
    record(ws, "dicts", "b", {"n": 2})
    assert len(held.fetchall()) == 1
    assert len(ws.table("dicts").fetchall()) == 2
    ws.close()
    assert len(held.arrow().read_all() if hasattr(held.arrow(), "read_all") else held.arrow()) == 1


def test_a_context_manager_closes(project: Path) -> None:
    with nbpart.open("workspace") as ws:
        ws.asset(text, name="alone", deps=[]) if False else None
        ws.dynamic_partitions("files").add("a")
    ws.close()
    with pytest.raises(CatalogError, match="closed"):
        ws.status()
    with pytest.raises(CatalogError, match="closed"):
        ws.sql("select 1")
    with nbpart.open("workspace") as again:
        assert list(again.dynamic_partitions("files")) == ["a"]


def test_one_process_can_open_a_workspace_twice(ws: nbpart.Workspace) -> None:
    with nbpart.open(ws.root) as other:
        other.dynamic_partitions("files").add("c")
        assert "c" in ws.dynamic_partitions("files")
        record(other, "dicts", "c", {"n": 3})
        assert ws.load("dicts", "c") == {"n": 3}

        def later() -> None: ...

        other.asset(later)
        assert "later" in ws.assets
        assert ws.status().loc["later", "missing"] == 1


def test_two_processes_can_open_the_same_workspace(ws: nbpart.Workspace) -> None:
    code = (
        "import sys, nbpart\n"
        "ws = nbpart.open(sys.argv[1])\n"
        "print(list(ws.dynamic_partitions('files')), ws.dynamic_partitions('files').add('from elsewhere'))\n"
        "print(ws.status().loc['dicts', 'missing'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, ws.root], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["['a', 'b', \"it's\"] ['from elsewhere']", "4"]
    assert "from elsewhere" in ws.dynamic_partitions("files")


def test_the_repr(ws: nbpart.Workspace) -> None:
    assert repr(ws) == f"<Workspace {str(ws.root)!r}: 3 assets and sources>"
    record(ws, "dicts", "a", {})
    run = ws.get_run(ws.runs().run_id[0])
    assert repr(run) == f"<Run {run.run_id} of dicts/a succeeded>"
    assert (run.asset, run.status, run.attempt, run.error, run.notebook) == ("dicts", "succeeded", 1, None, None)
    assert run.to_json()["partition_key"] == "a"


def test_the_folders_of_a_workspace(ws: nbpart.Workspace) -> None:
    assert {"catalog.duckdb", "data", "runs", "code"} <= {path.name for path in ws.root.iterdir()}
    assert not [path for path in ws.root.rglob("*") if path.name.startswith(".")]
    assert os.path.isabs(ws.root)
